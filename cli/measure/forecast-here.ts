/**
 * Forecasts of latency for the machine that a report is made on. Artifacts are planned for the profile that they are compiled with, and
 * hold its forecasts, so that equal inputs give equal artifacts everywhere; whoever reads a report waits here.
 */
import { predictLatency } from '../../src/compiler/analysis/latency.ts';
import { DEFAULT_OPTIONS } from '../../src/compiler/options.ts';
import { DEFAULT_NATIVE_PROFILE } from '../../src/compiler/profile/default-profile.ts';
import type { NativeProfile } from '../../src/compiler/profile/native-profile.ts';
import { targetOf } from '../../src/compiler/targets/registry.ts';
import type { Artifact, CompileReport } from '../../src/program/artifact.ts';
import { nativeUnavailable } from '../../src/runtime/backends/native/load-addon.ts';
import { profileKernels } from '../../src/runtime/backends/native/profile.ts';
import type { CommandContext } from '../command.ts';
import { measureProfile } from './measure-profile.ts';

/** Below it nobody waits, and measuring the kernels would take as long as what is forecast. */
const WORTH_MEASURING_MS = 1000;

/** The artifact with its forecasts for this machine; as it is where they hardly matter, or are for a measured machine already. */
export async function forecastHere(
  artifact: Artifact,
  context: Pick<CommandContext, 'progress' | 'signal'>,
): Promise<Artifact> {
  const { costProfile, predicted } = artifact.report;
  if (costProfile !== DEFAULT_NATIVE_PROFILE.machine || predicted.latencyMs < WORTH_MEASURING_MS)
    return artifact;
  if (nativeUnavailable() !== null) return artifact;
  return forecastWith(artifact, await measureProfile(profileKernels, context));
}

/** @param artifact planned for the shipped profile */
export function forecastWith(artifact: Artifact, profile: NativeProfile): Artifact {
  const { program, parameters, report } = artifact;
  const target = targetOf('native');
  const maxMemoryMb = report.memoryBudgetMb ?? DEFAULT_OPTIONS.maxMemoryMb;
  const { plaintextRoom } = target.memory(program, parameters, { ...DEFAULT_OPTIONS, maxMemoryMb });
  const [here, planned] = [profile, DEFAULT_NATIVE_PROFILE].map((one) =>
    predictLatency(program, target.costs(parameters, one), plaintextRoom).reduce((sum, ms) => sum + ms, 0),
  );
  return { ...artifact, report: slowedDown(report, here! / planned!, profile.machine) };
}

function slowedDown(report: CompileReport, ratio: number, machine: string): CompileReport {
  const { predicted, layers, throughput } = report;
  const steps = predicted.refreshStepsMs;
  return {
    ...report,
    costProfile: machine,
    layers: layers.map((layer) => ({ ...layer, predictedMs: layer.predictedMs * ratio })),
    predicted: {
      ...predicted,
      latencyMs: predicted.latencyMs * ratio,
      ...(steps === undefined
        ? {}
        : { refreshStepsMs: steps.map((step) => ({ ...step, ms: step.ms * ratio })) }),
    },
    throughput: throughput && {
      ...throughput,
      samplesPerSecond: throughput.samplesPerSecond / ratio,
      latencyModePerSecond: throughput.latencyModePerSecond && throughput.latencyModePerSecond / ratio,
    },
  };
}
