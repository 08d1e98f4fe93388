//===- ControlFlow.cpp - Where lanes that part meet again -----------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Immediate post-dominators of the blocks that end in a branch, by the iteration of Cooper, Harvey
// and Kennedy over the reversed graph. Where that is the end of the kernel, because a way out leads
// there from the middle, it is asked again without such ways: lanes that take them need not be
// waited for.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

#include <algorithm>

namespace vitc::emu {
namespace {

struct Graph {
  std::vector<uint32_t> starts; ///< pc of each block
  std::vector<std::vector<uint32_t>> next, previous;
  uint32_t exit = 0; ///< a block behind all others

  uint32_t blockAt(uint32_t pc) const {
    return uint32_t(std::upper_bound(starts.begin(), starts.end(), pc) - starts.begin()) - 1;
  }
};

bool always(const Inst &i, Flow flow) { return i.flow == flow && i.predicate == noPredicate; }

/// Whether nothing goes on behind an instruction.
bool closes(const Inst &i) {
  return always(i, Flow::Branch) || always(i, Flow::Exit) || always(i, Flow::BranchIndexed) ||
         always(i, Flow::Trap);
}

/// Whether a branch goes to where the kernel only exits, and that from the middle: under a
/// predicate, or where others fall into it.
bool leavesEarly(const Function &f, const Inst &branch) {
  return always(f.code[branch.target], Flow::Exit) &&
         (branch.predicate != noPredicate || !branch.target || !closes(f.code[branch.target - 1]));
}

/// The exit that stands last, which counts as the kernel's end. The very last is the decoder's.
uint32_t lastExitOf(const Function &f) {
  uint32_t pc = uint32_t(f.code.size()) - 1;
  if (pc && closes(f.code[pc - 1]))
    while (--pc && !always(f.code[pc], Flow::Exit))
      ;
  return pc;
}

/// `leaves`: with the ways out of the middle, which are traps, exits but the last, and such
/// branches.
Graph build(const Function &f, bool leaves) {
  Graph g;
  uint32_t lastExit = lastExitOf(f);
  g.starts.push_back(0);
  for (uint32_t pc = 0; pc < f.code.size(); ++pc) {
    const Inst &i = f.code[pc];
    if (i.flow == Flow::Next || i.flow == Flow::Barrier)
      continue;
    g.starts.push_back(pc + 1);
    if (i.flow == Flow::Branch)
      g.starts.push_back(i.target);
    else if (i.flow == Flow::BranchIndexed)
      g.starts.insert(g.starts.end(), f.tables[i.target].begin(), f.tables[i.target].end());
  }
  std::sort(g.starts.begin(), g.starts.end());
  g.starts.erase(std::unique(g.starts.begin(), g.starts.end()), g.starts.end());
  while (!g.starts.empty() && g.starts.back() >= f.code.size())
    g.starts.pop_back();
  g.exit = uint32_t(g.starts.size());
  g.next.resize(g.exit + 1);
  g.previous.resize(g.exit + 1);
  for (uint32_t b = 0; b < g.exit; ++b) {
    uint32_t end = b + 1 < g.exit ? g.starts[b + 1] : uint32_t(f.code.size());
    const Inst &last = f.code[end - 1];
    std::vector<uint32_t> &out = g.next[b];
    bool falls =
        last.flow == Flow::Next || last.flow == Flow::Barrier || last.predicate != noPredicate;
    bool early = last.flow == Flow::Trap || (last.flow == Flow::Exit && end - 1 != lastExit) ||
                 (last.flow == Flow::Branch && leavesEarly(f, last));
    if (early && !leaves)
      ;
    else if (last.flow == Flow::Branch)
      out.push_back(g.blockAt(last.target));
    else if (last.flow == Flow::BranchIndexed)
      for (uint32_t pc : f.tables[last.target])
        out.push_back(g.blockAt(pc));
    else if (last.flow == Flow::Exit || last.flow == Flow::Trap)
      out.push_back(g.exit);
    if (falls)
      out.push_back(b + 1);
    for (uint32_t to : out)
      g.previous[to].push_back(b);
  }
  return g;
}

/// Blocks that reach the exit, each after those it leads to first.
std::vector<uint32_t> postOrder(const Graph &g) {
  std::vector<uint32_t> order, position(g.exit + 1, 0);
  std::vector<bool> seen(g.exit + 1, false);
  std::vector<uint32_t> stack{g.exit};
  seen[g.exit] = true;
  while (!stack.empty()) {
    uint32_t b = stack.back();
    if (position[b] < g.previous[b].size()) {
      uint32_t p = g.previous[b][position[b]++];
      if (!seen[p]) {
        seen[p] = true;
        stack.push_back(p);
      }
    } else {
      order.push_back(b);
      stack.pop_back();
    }
  }
  return order;
}

/// The immediate post-dominator of each block; noPc where the exit is not reached.
std::vector<uint32_t> postDominators(const Graph &g) {
  constexpr uint32_t none = noPc;
  std::vector<uint32_t> order = postOrder(g), rank(g.exit + 1, 0), parent(g.exit + 1, none);
  for (uint32_t n = 0; n < order.size(); ++n)
    rank[order[n]] = n;
  parent[g.exit] = g.exit;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t n = order.size(); n--;) {
      uint32_t b = order[n], best = none;
      if (b == g.exit)
        continue;
      for (uint32_t s : g.next[b]) {
        if (parent[s] == none)
          continue;
        if (best == none) {
          best = s;
          continue;
        }
        uint32_t x = best, y = s;
        while (x != y) {
          while (rank[x] < rank[y])
            x = parent[x];
          while (rank[y] < rank[x])
            y = parent[y];
        }
        best = x;
      }
      changed |= best != parent[b];
      parent[b] = best;
    }
  }
  return parent;
}

} // namespace

void findJoins(Function &f) {
  Graph g = build(f, true), inner = build(f, false);
  std::vector<uint32_t> parent = postDominators(g), innerParent = postDominators(inner);
  auto ends = [&](uint32_t block) {
    return block == noPc || block == g.exit || f.code[g.starts[block]].flow == Flow::Exit;
  };
  for (uint32_t pc = 0; pc < f.code.size(); ++pc) {
    Inst &i = f.code[pc];
    if (i.flow != Flow::Branch && i.flow != Flow::BranchIndexed)
      continue;
    uint32_t block = g.blockAt(pc), p = parent[block];
    if (ends(p) && !ends(innerParent[block]))
      p = innerParent[block];
    i.join = p == noPc || p == g.exit ? noPc : g.starts[p];
  }
}

} // namespace vitc::emu
