#include "linear-plan.h"

#include <map>
#include <string>

#include "engine-error.h"

namespace he {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw EngineError("INTERNAL", std::string("malformed linear transform: ") + what);
}

const std::vector<u32> conjugation{0};

void requireSteps(const std::vector<u32>& steps, std::size_t slots) {
  for (const u32 step : steps) require(step >= 1 && step < slots, "rotation step");
}

void validate(const LinearDescription& d, const Context& context) {
  const std::size_t slots = context.degree() / 2;
  require(d.level >= 1 && d.level <= context.topLevel(), "level");
  require(!d.plainScales.empty(), "no inputs");
  for (std::size_t b = 0; b < d.babies.size(); ++b) {
    const auto& baby = d.babies[b];
    require(baby.source < d.plainScales.size(), "source of a baby");
    require(baby.from >= -1 && baby.from < static_cast<std::int64_t>(b), "origin of a baby");
    require(baby.from == -1 || d.babies[static_cast<std::size_t>(baby.from)].source == baby.source, "origin of a baby");
    requireSteps(baby.via, slots);
  }
  for (const auto& output : d.outputs) {
    const auto giants = static_cast<std::int64_t>(output.giants.size());
    for (std::int64_t g = 0; g < giants; ++g) {
      const auto& giant = output.giants[static_cast<std::size_t>(g)];
      require(giant.into == -1 || (giant.into > g && giant.into < giants), "target of a giant");
      requireSteps(giant.via, slots);
      for (const auto& term : giant.terms) {
        require(term.baby < d.babies.size() && term.diagonal < d.diagonals.size(), "term");
      }
    }
    for (const auto& steps : output.reductions) {
      require(!steps.empty(), "reduction");
      if (steps != conjugation) requireSteps(steps, slots);
    }
    require(output.bias >= -1 && output.bias < static_cast<std::int64_t>(d.diagonals.size()), "bias");
  }
}

/** The node of every baby; equal rotations of equal nodes are one. */
std::vector<u32> placeBabies(const LinearDescription& d, std::vector<LinearPlan::Node>& nodes) {
  for (u32 s = 0; s < d.plainScales.size(); ++s) nodes.push_back({-1, 0, s, false});
  std::map<std::pair<u32, u32>, u32> children;
  std::vector<u32> nodeOf;
  for (const auto& baby : d.babies) {
    u32 node = baby.from == -1 ? baby.source : nodeOf[static_cast<std::size_t>(baby.from)];
    for (const u32 step : baby.via) {
      const auto [entry, isNew] = children.try_emplace({node, step}, static_cast<u32>(nodes.size()));
      if (isNew) nodes.push_back({static_cast<std::int32_t>(node), step, baby.source, false});
      node = entry->second;
    }
    nodeOf.push_back(node);
  }
  return nodeOf;
}

/** Plaintexts of all terms, output by output and giant by giant, in order. */
std::vector<Plaintexts::Handle> encodeTerms(Plaintexts& plaintexts, const LinearDescription& d) {
  std::vector<PlainRequest> requests;
  std::map<std::pair<u32, double>, std::size_t> known;
  std::vector<std::size_t> index;
  for (const auto& output : d.outputs) {
    for (const auto& giant : output.giants) {
      for (const auto& term : giant.terms) {
        const double scale = d.plainScales[d.babies[term.baby].source];
        const auto [entry, isNew] = known.try_emplace({term.diagonal, scale}, requests.size());
        if (isNew) requests.push_back({&d.diagonals[term.diagonal], scale, d.level, true, true});
        index.push_back(entry->second);
      }
    }
  }
  // In throughput mode all weights are constants: as limbs, those of one layer would fill the memory.
  const auto encoded = plaintexts.prepare(requests, true);
  std::vector<Plaintexts::Handle> result;
  for (const std::size_t i : index) result.push_back(encoded[i]);
  return result;
}

/** Giants that need no rotation melt into their targets; those without terms and tributaries vanish. */
void placeGiants(const LinearDescription::Output& output, u32 number, std::size_t slots, const std::vector<u32>& nodeOf,
                 const Plaintexts::Handle*& plain, LinearPlan& plan) {
  const std::size_t count = output.giants.size();
  std::vector<std::vector<LinearPlan::Term>> terms(count + 1);
  std::vector<std::size_t> target(count + 1);
  for (std::size_t g = 0; g < count; ++g) {
    target[g] = output.giants[g].into == -1 ? count : static_cast<std::size_t>(output.giants[g].into);
    for (const auto& term : output.giants[g].terms) {
      const Plaintexts::Handle& handle = *plain++;
      if (handle->form != Plain::Form::zero) terms[g].push_back({nodeOf[term.baby], handle});
    }
  }
  std::vector<bool> live(count + 1, false);
  for (std::size_t g = 0; g < count; ++g) {
    live[g] = live[g] || !terms[g].empty();
    if (live[g]) live[target[g]] = true;
  }
  live[count] = live[count] || !terms[count].empty();
  const bool empty = !live[count];

  // From the last to the first: targets are settled before what flows into them.
  std::vector<std::size_t> settled(count + 1);
  std::vector<u32> step(count + 1, 0);
  settled[count] = count;
  for (std::size_t g = count; g-- > 0;) {
    const auto& via = output.giants[g].via;
    const std::size_t into = settled[target[g]];
    step[g] = step[into];
    for (const u32 s : via) step[g] = static_cast<u32>((step[g] + s) % slots);
    settled[g] = via.empty() ? into : g;
    if (via.empty()) {
      terms[into].insert(terms[into].end(), terms[g].begin(), terms[g].end());
      terms[g].clear();
    }
  }
  std::vector<std::int32_t> placed(count + 1, -1);
  std::int32_t next = static_cast<std::int32_t>(plan.giants.size());
  const auto stays = [&](std::size_t g) { return g == count || (live[g] && settled[g] == g); };
  for (std::size_t g = 0; g <= count; ++g) {
    if (stays(g)) placed[g] = next++;
  }
  std::vector<std::int32_t> tributary(count + 1, -1);
  for (std::size_t g = 0; g <= count; ++g) {
    if (!stays(g)) continue;
    const bool root = g == count;
    plan.giants.push_back({number, root ? -1 : placed[settled[target[g]]], root ? std::vector<u32>{} : output.giants[g].via,
                           step[g], -1, std::move(terms[g])});
    if (!root) tributary[settled[target[g]]] = placed[g];
    plan.giants.back().lastTributary = tributary[g];
  }
  plan.outputs.push_back({static_cast<u32>(placed[count]), empty, output.reductions, nullptr});
}

}  // namespace

LinearPlan planLinear(Workspace& workspace, Plaintexts& plaintexts, const LinearDescription& d) {
  const Context& context = workspace.context();
  validate(d, context);
  LinearPlan plan;
  plan.level = d.level;
  plan.inputs = d.plainScales.size();
  plan.outputScale = d.outputScale;
  const double sumScale = d.outputScale * static_cast<double>(context.field(d.level).modulus());
  for (const double scale : d.plainScales) plan.inputScales.push_back(sumScale / scale);

  const std::vector<u32> nodeOf = placeBabies(d, plan.nodes);
  const std::vector<Plaintexts::Handle> plains = encodeTerms(plaintexts, d);
  const Plaintexts::Handle* plain = plains.data();
  for (u32 o = 0; o < d.outputs.size(); ++o) {
    placeGiants(d.outputs[o], o, context.degree() / 2, nodeOf, plain, plan);
  }

  std::vector<PlainRequest> biases;
  std::vector<u32> biased;
  for (u32 o = 0; o < d.outputs.size(); ++o) {
    if (d.outputs[o].bias == -1) continue;
    biases.push_back({&d.diagonals[static_cast<std::size_t>(d.outputs[o].bias)], d.outputScale, d.level - 1, false, false});
    biased.push_back(o);
  }
  const auto encoded = plaintexts.prepare(biases, true);
  for (std::size_t i = 0; i < biased.size(); ++i) {
    if (encoded[i]->form != Plain::Form::zero) plan.outputs[biased[i]].bias = encoded[i];
  }

  std::vector<bool> used(plan.nodes.size(), false);
  for (const auto& giant : plan.giants) {
    for (const auto& term : giant.terms) used[term.node] = true;
  }
  for (std::size_t v = plan.nodes.size(); v-- > plan.inputs;) {
    if (!used[v]) continue;
    const auto parent = static_cast<std::size_t>(plan.nodes[v].parent);
    used[parent] = true;
    plan.nodes[parent].rotated = true;
  }
  return plan;
}

}  // namespace he
