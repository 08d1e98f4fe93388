//===- SearchTest.cpp - Which schedules are chosen --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "CostTesting.h"

#include <catch2/catch.hpp>

#include <set>

using namespace costtest;

TEST_CASE("every candidate can be built and keeps the budget") {
  for (int budget : {64, 96, 128, 168, 255}) {
    Preferences p = preferencesFor(rtx4090());
    p.registerBudget = budget;
    for (const Work &work : {linear(197, 1152, 384), linear(197, 768, 3072, 1),
                             linear(197, 4096, 1024, 0, 1), linear(1, 1000, 768)}) {
      std::vector<Schedule> all = candidates(work, 64, p);
      INFO("budget " << budget << ", N " << work.columns);
      REQUIRE(!all.empty());
      for (const Schedule &s : all) {
        INFO(text(s));
        CHECK(objection(work, s, limitsOf(rtx4090())).empty());
        CHECK(predictRegisters(work, s) <= budget);
        CHECK(s.registers <= budget);
        CHECK(leastRegisters(work, s) <= s.registers);
        CHECK(smemOf(work, s) <= 99 * 1024);
      }
    }
  }
}

TEST_CASE("ranges follow each other from 1 to the largest batch") {
  for (int64_t maxBatch : {1, 2, 5, 8, 33, 64}) {
    Selection selection = select({{linear(197, 768, 768, 1)}}, maxBatch, preferencesFor(rtx4090()));
    int64_t next = 1;
    for (const BatchRange &range : selection.ranges) {
      CHECK(range.minBatch == next);
      CHECK(range.maxBatch >= range.minBatch);
      CHECK(range.alternatives.size() >= 2);
      next = range.maxBatch + 1;
    }
    CHECK(next == maxBatch + 1);
  }
}

TEST_CASE("measured schedules stand before the predicted ones, where they say something") {
  auto named = [](int size) {
    return Schedule{GemmSchedule{.tile = {size, 64, 32}, .warp = {16, 32}}};
  };
  std::vector<BatchRange> predicted = {{1, 4, {named(16), named(32)}}, {5, 64, {named(64)}}};
  Holds holds = [](const Measured &, int64_t) { return true; };
  auto text = [&](const std::vector<Measured> &measured, int64_t maxBatch) {
    std::string text;
    int64_t next = 1;
    for (const BatchRange &range : withMeasured(predicted, measured, maxBatch, holds)) {
      CHECK(range.minBatch == next); // none is left out, none twice
      CHECK(range.maxBatch >= range.minBatch);
      next = range.maxBatch + 1;
      text += std::to_string(range.maxBatch) + ":";
      for (const Schedule &schedule : range.alternatives)
        text += " " + std::to_string(schedule.gemm().tile[0]);
      text += "; ";
    }
    CHECK(next == maxBatch + 1);
    return text;
  };
  CHECK(text({}, 64) == "4: 16 32; 64: 64; ");
  CHECK(text({{1, named(48)}, {32, named(96)}}, 64) == "1: 48 16 32; 4: 16 32; 8: 64; 64: 96 64; ");
  CHECK(text({{8, named(48)}, {32, named(96)}}, 64) == "2: 16 32; 8: 48 64; 64: 96 64; ");
  CHECK(text({{8, named(96)}}, 64) == "2: 16 32; 32: 96 64; 64: 64; ");
  CHECK(text({{128, named(96)}}, 64) == "4: 16 32; 32: 64; 64: 96 64; ");
  CHECK(text({{512, named(96)}}, 64) == "4: 16 32; 64: 64; ");
  holds = [](const Measured &, int64_t batch) { return batch >= 6 && batch <= 12; };
  CHECK(text({{8, named(96)}}, 64) == "4: 16 32; 5: 64; 12: 96 64; 64: 64; ");
  CHECK(text({{32, named(96)}}, 20) == "4: 16 32; 8: 64; 12: 96 64; 20: 64; ");
}

TEST_CASE("what was measured holds where the tile is not predicted to lose more") {
  // A tile for 1576 rows, which 1569 fill as well, and 197 do not.
  std::vector<Use> uses = {{linear(197, 2304, 768)}};
  std::vector<BatchRange> predicted = select(uses, 64, preferencesFor(rtx4090())).ranges;
  Measured point = {8, best(uses.front().work, 8, preferencesFor(rtx4090()))->schedule};
  Holds holds = losesNoMore(uses, predicted, rtx4090());
  CHECK(holds(point, 8));
  CHECK(!holds(point, 1));
}

TEST_CASE("small batches get small tiles, and no range is far from the best") {
  Work work = linear(197, 768, 768, 1);
  Preferences p = preferencesFor(rtx4090());
  Selection selection = select({{work}}, 64, p);
  REQUIRE(selection.ranges.size() > 1);
  auto area = [](const Schedule &s) { return s.gemm().tile[0] * s.gemm().tile[1]; };
  CHECK(area(selection.ranges.front().alternatives.front()) <
        area(selection.ranges.back().alternatives.front()) / 2);
  for (const BatchRange &range : selection.ranges) {
    double chosen = predict(work, range.alternatives.front(), range.maxBatch, rtx4090()).seconds;
    CHECK(chosen < 1.05 * best(work, range.maxBatch, p)->prediction.seconds);
  }
}

TEST_CASE(
    "the last alternatives are well below the registers of the first, then bound by nothing") {
  Preferences p = preferencesFor(rtx4090());
  for (int budget : {mostBudget, 200})
    for (const Work &work : {linear(197, 2304, 768), linear(197, 768, 3072, 1)}) {
      p.registerBudget = budget;
      for (const BatchRange &range : select({{work}}, 64, p).ranges) {
        REQUIRE(range.alternatives.size() >= 3);
        Schedule last = range.alternatives.back(), smaller = range.alternatives.end()[-2];
        CHECK(predictRegisters(work, smaller) <=
              0.75 * predictRegisters(work, range.alternatives.front()));
        CHECK(last.registers ==
              std::min(budget, registersFor(*p.gpu, geometryOf(work, last).threads, 1)));
        last.registers = smaller.registers;
        CHECK(last == smaller);
      }
    }
}

TEST_CASE("finer ranges lose little at any number of rows, with few schedules") {
  constexpr int64_t mostRows = 32768;
  Preferences p = preferencesFor(rtx4090());
  for (const Work &row : {linear(1, 2304, 768), linear(1, 768, 3072, 1)}) {
    Selection selection = select({{row}}, mostRows, p, {.finer = true});
    double sum = 0, most = 0;
    int count = 0;
    for (int64_t rows = 197; rows < mostRows; rows += rows / 7 + 1, ++count) {
      auto range = std::find_if(selection.ranges.begin(), selection.ranges.end(),
                                [rows](auto &range) { return rows <= range.maxBatch; });
      REQUIRE(range != selection.ranges.end());
      double chosen = predict(row, range->alternatives.front(), rows, *p.gpu).seconds;
      double loss = chosen / best(row, rows, p)->prediction.seconds - 1;
      sum += loss;
      most = std::max(most, loss);
    }
    std::set<Schedule> schedules;
    for (const BatchRange &range : selection.ranges)
      schedules.insert(range.alternatives.front());
    INFO("N " << row.columns << ": mean loss " << sum / count << ", largest " << most);
    CHECK(sum / count < 0.025);
    CHECK(most < 0.1);
    CHECK(schedules.size() <= 30);
  }
}

TEST_CASE("a kernel with little of the model's time has fewer ranges") {
  Preferences p = preferencesFor(rtx4090());
  std::vector<Use> large = {{linear(197, 2304, 768), 12}}, small = {{linear(197, 512, 256)}};
  std::vector<double> shares = sharesOfTime({large, small}, 64, p);
  REQUIRE(shares.size() == 2);
  CHECK(shares[0] > 0.9);
  CHECK(shares[1] > 0.001);
  CHECK(shares[1] < 0.1);
  auto rangesOf = [&p](const std::vector<Use> &uses, double share) {
    return select(uses, 64, p, {.share = share}).ranges.size();
  };
  CHECK(rangesOf(large, shares[0]) == rangesOf(large, 1));
  CHECK(rangesOf(small, shares[1]) < rangesOf(small, 1));
  CHECK(rangesOf(large, 1e-6) == 1);
}

TEST_CASE("exact shapes are worth many tiles") {
  std::set<std::pair<std::array<int, 3>, std::array<int, 2>>> tiles;
  for (int64_t d : {384, 768, 1024})
    for (auto [n, k] : {std::pair(3 * d, d), {d, d}, {4 * d, d}, {d, 4 * d}})
      for (int budget : {64, 128, 255})
        for (int64_t batch : {1, 8, 32}) {
          Preferences p = preferencesFor(rtx4090());
          p.registerBudget = budget;
          GemmSchedule s = best(linear(197, n, k), batch, p)->schedule.gemm();
          tiles.insert({s.tile, s.warp});
        }
  CHECK(tiles.size() >= 6);
}

TEST_CASE("K is split where there are too few tiles, never below 192 columns") {
  Preferences p = preferencesFor(rtx4090());
  Work deep = linear(16, 256, 8192);
  Schedule s = best(deep, 1, p)->schedule;
  CHECK(s.gemm().splits > 1);
  int most = 1;
  for (const Schedule &candidate : candidates(linear(16, 256, 1024), 1, p))
    most = std::max(most, candidate.gemm().splits);
  CHECK(most == 4); // six would leave 170
  CHECK(best(linear(197, 768, 256), 1, p)->schedule.gemm().splits == 1);
  p.batchInvariant = true;
  for (const BatchRange &range : select({{deep}}, 64, p).ranges)
    for (const Schedule &alternative : range.alternatives)
      CHECK(alternative.gemm().splits == 1);
}

TEST_CASE("a pinned tile is taken as it is, or refused with both numbers") {
  Preferences p = preferencesFor(rtx4090());
  p.tile = tile("64x64x32/32x32/3").gemm();
  Selection selection = select({{linear(197, 768, 768)}}, 64, p);
  REQUIRE(selection.ranges.size() == 1);
  CHECK(selection.ranges[0].alternatives[0].gemm().tile == std::array{64, 64, 32});
  std::string error;
  CHECK(!parseTile("128x256x64/64x64/4", rtx4090(), error));
  CHECK(error ==
        "tile '128x256x64/64x64/4': expected at most 101376 bytes of shared memory per block "
        "on rtx4090, found 196608: choose a smaller tile or fewer stages");
  CHECK(parseTile("128x128x64/64x64/4", *findGpu("h200"), error));
}

TEST_CASE("more rows than can be launched are refused") {
  Selection selection = select({{linear(197, 768, 768)}}, 100000000, preferencesFor(rtx4090()));
  CHECK(selection.ranges.empty());
  CHECK(selection.objection ==
        "max-batch 100000000 has 19700000000 rows, at most 65535 blocks of 256 can be launched");
}

TEST_CASE("attention has whole rows of at most 272 keys, and blocks of more") {
  Preferences p = preferencesFor(rtx4090());
  CHECK(best(attention(197, 12, 64), 64, p)->schedule.attention().stages == 1);
  for (int64_t tokens : {273, 577, 1025, 16384})
    CHECK(best(attention(tokens, 12, 64), 64, p)->schedule.attention().stages > 1);
  CHECK(best(attention(144, 2, 256), 64, p));
  CHECK(best(attention(577, 2, 256), 64, p));
  std::string why;
  CHECK(!best(attention(577, 12, 63), 64, p, &why));
  CHECK(why == "expected an even head_dim from 2 to 256, found 63");
}

TEST_CASE("attention cuts its keys alike for all batches") {
  Preferences p = preferencesFor(rtx4090());
  for (int64_t tokens : {50, 197, 257, 577, 1370})
    for (int64_t headDim : {12, 32, 64, 80, 128, 256}) {
      Selection selection = select({{attention(tokens, 12, headDim)}}, 64, p);
      REQUIRE(!selection.ranges.empty());
      const AttentionSchedule &first = selection.ranges[0].alternatives[0].attention();
      for (const BatchRange &range : selection.ranges)
        for (const Schedule &s : range.alternatives) {
          CHECK((s.attention().stages > 1) == (first.stages > 1));
          CHECK(s.attention().keys == first.keys);
        }
    }
}

TEST_CASE("two sets of sums take the place of a larger tile") {
  Preferences p = preferencesFor(rtx4090());
  Work gated = linear(197, 2048, 768, 1, 1, 2);
  auto found = best(gated, 32, p);
  CHECK(found->schedule.gemm().accumulators(gated) <= 160);
  p.tile = tile("128x128x32/64x64/3").gemm();
  std::string why;
  CHECK(!best(gated, 32, p, &why));
  CHECK(why ==
        "expected at most 160 accumulators in a thread, found 256 of 2 linears with a warp tile "
        "of 64x64: choose a smaller one");
  p.force = true;
  CHECK(best(gated, 32, p));
}

TEST_CASE("a wide row is read again where registers are short, unless that costs a function") {
  Work work = norm(197, 1280, 4);
  work.before = {1, 0}, work.after = {1, 0};
  work.rowReused = true;
  Preferences p = preferencesFor(rtx4090());
  auto recomputes = [&](int budget) {
    p.registerBudget = budget;
    Selection selection = select({{work}}, 8, p);
    REQUIRE(!selection.ranges.empty());
    return selection.ranges[0].alternatives[0].norm().recompute;
  };
  CHECK(recomputes(48));
  CHECK(!recomputes(128));
  CHECK(recomputes(24)); // neither form fits: the one that is closer
  CHECK(select({{work}}, 8, p).note.find("predicted 44 registers, budget 24") == 0);
  work.before = {0, 1}; // gelu
  CHECK(!recomputes(48));
  CHECK(select({{work}}, 8, p).note.find("budget 48") != std::string::npos);
  work.before = {1, 0};
  p.fusePolicy = FusePolicy::Keep;
  CHECK(!recomputes(48));
  CHECK(select({{work}}, 8, p).ranges[0].alternatives[0].registers == 48);
  p.fusePolicy = FusePolicy::Recompute;
  CHECK(recomputes(128));
}

TEST_CASE("attention over any budget takes what it is predicted to need, then what it likes") {
  Preferences p = preferencesFor(rtx4090());
  p.registerBudget = 64;
  Selection selection = select({{attention(197, 12, 64)}}, 64, p);
  REQUIRE(!selection.ranges.empty());
  CHECK(selection.note == "predicted 128 registers, budget 64");
  for (const BatchRange &range : selection.ranges) {
    CHECK(range.alternatives.front().registers == 128);
    CHECK(range.alternatives.back().registers >= 128);
  }
  CHECK(selection.ranges.front().alternatives.back().registers > 128);
}

TEST_CASE("the same is found every time") {
  Preferences p = preferencesFor(rtx4090());
  Work work = linear(197, 768, 3072, 1);
  Selection a = select({{work}}, 64, p), b = select({{work}}, 64, p);
  REQUIRE(a.ranges.size() == b.ranges.size());
  for (size_t i = 0; i < a.ranges.size(); ++i)
    CHECK(a.ranges[i].alternatives == b.ranges[i].alternatives);
}
