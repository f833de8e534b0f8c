import { describe, expect, it } from 'vitest';
import { DEFAULT_NATIVE_PROFILE } from '../../src/compiler/profile/default-profile.ts';
import type { NativeProfile } from '../../src/compiler/profile/native-profile.ts';
import type { Artifact } from '../../src/program/artifact.ts';
import { refreshingArtifact } from '../../src/program/testing/small-artifact.ts';
import { forecastHere, forecastWith } from './forecast-here.ts';

function planned(latencyMs: number, costProfile: string | null = DEFAULT_NATIVE_PROFILE.machine): Artifact {
  const artifact = refreshingArtifact();
  const { report } = artifact;
  const predicted = {
    ...report.predicted,
    latencyMs,
    refreshStepsMs: [{ step: 'sine' as const, ms: latencyMs / 4 }],
  };
  const throughput = { batch: 8, samplesPerSecond: 4, latencyModePerSecond: 2 };
  return { ...artifact, report: { ...report, costProfile, predicted, throughput } };
}

/** Every unit takes so many times what it takes on the machine that is planned for. */
function slower(times: number): NativeProfile {
  const { kernels, stream, permute, encode } = DEFAULT_NATIVE_PROFILE;
  return {
    ...DEFAULT_NATIVE_PROFILE,
    machine: 'another',
    kernels: kernels.map(({ maxBits, ...units }) => ({
      maxBits,
      ...(Object.fromEntries(Object.entries(units).map(([name, ns]) => [name, ns * times])) as typeof units),
    })),
    stream: stream * times,
    permute: permute * times,
    encode: encode * times,
  };
}

const signal = AbortSignal.abort();
const context = { progress: { report: () => undefined, signal }, signal };

describe('forecasts for the machine at hand', () => {
  it('take as many times longer as its kernels do, whatever is told of latency', () => {
    const artifact = planned(2000);
    const { report } = forecastWith(artifact, slower(3));
    expect(report.costProfile).toBe('another');
    expect(report.predicted.latencyMs).toBeCloseTo(6000, 6);
    expect(report.predicted.refreshStepsMs![0]!.ms).toBeCloseTo(1500, 6);
    expect(report.layers.map(({ predictedMs }) => predictedMs)).toEqual(
      artifact.report.layers.map(({ predictedMs }) => expect.closeTo(3 * predictedMs, 6) as number),
    );
    expect(report.throughput!.samplesPerSecond).toBeCloseTo(4 / 3, 9);
    expect(report.throughput!.latencyModePerSecond).toBeCloseTo(2 / 3, 9);
    // Nothing else of the artifact.
    expect({ ...forecastWith(artifact, slower(3)), report: null }).toEqual({ ...artifact, report: null });
  });

  it.each([
    ['what takes no second', planned(999)],
    ['what was planned for a measured machine', planned(5000, 'measured')],
    ['what has no profile', planned(5000, null)],
  ])('are those of the artifact for %s', async (_, artifact) => {
    // Measuring would throw: the signal has aborted.
    expect(await forecastHere(artifact, context)).toBe(artifact);
  });
});
