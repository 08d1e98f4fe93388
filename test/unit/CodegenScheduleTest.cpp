//===- CodegenScheduleTest.cpp - Schedules as text ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/Codegen.h"

#include "mlir/IR/MLIRContext.h"

#include <catch2/catch.hpp>

using namespace vitc;

TEST_CASE("schedules: text reads back") {
  mlir::MLIRContext context;
  context.loadDialect<vit::VitDialect>();
  for (const char *text : {"128x128x32/64x32/3", "64x64x64/32x32/3 buffers 2 splits 4 registers 96",
                           "208x197/16/1", "8/1/1 registers 48 recompute", "2048/256/1"}) {
    CAPTURE(text);
    vit::ScheduleAttr schedule = parseSchedule(&context, text, 2, 8);
    REQUIRE(schedule);
    CHECK(scheduleText(schedule) == text);
    CHECK(schedule.getMinBatch() == 2);
    CHECK(schedule.getMaxBatch() == 8);
  }
  vit::ScheduleAttr schedule =
      parseSchedule(&context, "64x48x32/32x16/4 buffers 2 splits 8 registers 168 recompute", 1, 1);
  REQUIRE(schedule);
  CHECK(schedule.getBlock() == llvm::ArrayRef<int64_t>{64, 48, 32});
  CHECK(schedule.getWarp() == llvm::ArrayRef<int64_t>{32, 16});
  CHECK(schedule.getStages() == 4);
  CHECK(schedule.getBuffers() == 2);
  CHECK(schedule.getSplits() == 8);
  CHECK(schedule.getRegisters() == 168);
  CHECK(schedule.getRecompute());
}

TEST_CASE("schedules: what no schedule is written as") {
  mlir::MLIRContext context;
  context.loadDialect<vit::VitDialect>();
  for (const char *text :
       {"", "128x128x32", "128x128x32/64x32", "128x128x32/64x32/3/1", "128xx32/64x32/3",
        "-1x128x32/64x32/3", "128x128x32/64x32/3 splits", "128x128x32/64x32/3 splits four",
        "128x128x32/64x32/3 pieces 4", "128x128x32/64x32/3 splits 4 buffers 2",
        "128x128x32/64x32/3 splits 1", "128x128x32/64x32/3 buffers 3", "0x128x32/64x32/3",
        "128x128x32/64x32/0", "128x128x32/64x32/3 registers 256", "128x128x32/64x32/03",
        "128x128x32/64x32/3 recompute recompute"}) {
    CAPTURE(text);
    CHECK_FALSE(parseSchedule(&context, text, 1, 1));
  }
  CHECK_FALSE(parseSchedule(&context, "128x128x32/64x32/3", 2, 1));
}
