; The loops of tally_loops.py, compiled to LLVM's language by `make kernel`: do not edit.

define void @count_numbers(ptr %arg.x, ptr %arg.starts, ptr %arg.windows, i64 %arg.runs, ptr %arg.table, ptr %arg.cut, ptr %arg.crowded, ptr %arg.edges, i64 %arg.size, double %arg.centre, double %arg.inverse, ptr %arg.counts, ptr %arg.sums, ptr %arg.spans) {
B0.endif:
  %invariant.gep = getelementptr i64, ptr %arg.counts, i64 %arg.size
  %.126174.not = icmp slt i64 %arg.runs, 1
  br i1 %.126174.not, label %common.ret, label %B38.endif.lr.ph
B38.endif.lr.ph:
  %.444 = add i64 %arg.size, -2
  br label %B38.endif
B242:
  %most.2.1155 = phi double [ %.193, %B242.lr.ph ], [ %most.3.2, %B919 ]
  %least.2.1154 = phi double [ %.184, %B242.lr.ph ], [ %least.3.2, %B919 ]
  %squares.2.1153 = phi double [ 0.000000e+00, %B242.lr.ph ], [ %squares.3.2, %B919 ]
  %.283144152 = phi i64 [ %.240, %B242.lr.ph ], [ %.293, %B919 ]
  %.290147151 = phi i64 [ %.199, %B242.lr.ph ], [ %.297, %B919 ]
  %.293 = add i64 %.283144152, -1
  %.297 = add i64 %.290147151, 1
  %.323 = getelementptr double, ptr %arg.x, i64 %.290147151
  %.324 = load double, ptr %.323, align 8
  %.329 = call double @llvm.fabs.f64(double %.324)
  %.330 = fcmp ugt double %.329, 1.000000e+140
  br i1 %.330, label %B298, label %B354.endif
B298:
  %sunkaddr = mul i64 %.172, 8
  %sunkaddr8 = getelementptr i8, ptr %invariant.gep, i64 %sunkaddr
  %sunkaddr9 = getelementptr i8, ptr %sunkaddr8, i64 -8
  %.358 = load i64, ptr %sunkaddr9, align 8
  %.359 = add i64 %.358, 1
  store i64 %.359, ptr %sunkaddr9, align 8
  br label %B919
B526:
  %.457 = getelementptr double, ptr %arg.edges, i64 %cell.3.3
  %.458 = load double, ptr %.457, align 8
  %.462 = fcmp ogt double %.324, %.458
  br i1 %.462, label %B550.preheader, label %B622.endif
B550.preheader:
  br label %B550
B550:
  %cell.4.4 = phi i64 [ %.468, %B598 ], [ %cell.3.3, %B550.preheader ]
  %0 = add i64 %cell.4.4, 1
  %.480 = icmp ult i64 %0, %.444
  br i1 %.480, label %B598, label %B622.endif
B598:
  %sunkaddr10 = mul i64 %cell.4.4, 8
  %sunkaddr11 = getelementptr i8, ptr %arg.edges, i64 %sunkaddr10
  %sunkaddr12 = getelementptr i8, ptr %sunkaddr11, i64 8
  %.491 = load double, ptr %sunkaddr12, align 8
  %.495 = fcmp ogt double %.324, %.491
  %.468 = add i64 %cell.4.4, 1
  br i1 %.495, label %B550, label %B622.endif
B782:
  %squares.2.1.lcssa = phi double [ 0.000000e+00, %B38.endif ], [ %squares.3.2, %B919 ]
  %least.2.1.lcssa = phi double [ %.184, %B38.endif ], [ %least.3.2, %B919 ]
  %most.2.1.lcssa = phi double [ %.193, %B38.endif ], [ %most.3.2, %B919 ]
  %sunkaddr13 = getelementptr i8, ptr %arg.spans, i64 %.idx
  %.623 = load double, ptr %sunkaddr13, align 8
  %.625 = fadd double %squares.2.1.lcssa, %.623
  store double %.625, ptr %sunkaddr13, align 8
  %sunkaddr14 = getelementptr i8, ptr %arg.spans, i64 %.idx
  %sunkaddr15 = getelementptr i8, ptr %sunkaddr14, i64 8
  store double %least.2.1.lcssa, ptr %sunkaddr15, align 8
  %sunkaddr16 = getelementptr i8, ptr %arg.spans, i64 %.idx
  %sunkaddr17 = getelementptr i8, ptr %sunkaddr16, i64 16
  store double %most.2.1.lcssa, ptr %sunkaddr17, align 8
  %exitcond.not = icmp eq i64 %.139, %arg.runs
  br i1 %exitcond.not, label %common.ret, label %B38.endif
common.ret:
  ret void
B919:
  %squares.3.2 = phi double [ %squares.2.1153, %B298 ], [ %.537, %B622.endif ]
  %least.3.2 = phi double [ %least.2.1154, %B298 ], [ %.11.i, %B622.endif ]
  %most.3.2 = phi double [ %most.2.1155, %B298 ], [ %.11.i5, %B622.endif ]
  %.284 = icmp sgt i64 %.283144152, 1
  br i1 %.284, label %B242, label %B782
B38.endif:
  %.132163175 = phi i64 [ 0, %B38.endif.lr.ph ], [ %.139, %B782 ]
  %.139 = add i64 %.132163175, 1
  %.165 = getelementptr i64, ptr %arg.windows, i64 %.132163175
  %.166 = load i64, ptr %.165, align 8
  %.172 = mul i64 %.166, %arg.size
  %.idx = mul i64 %.166, 24
  %1 = getelementptr i8, ptr %arg.spans, i64 %.idx
  %.183 = getelementptr i8, ptr %1, i64 8
  %.184 = load double, ptr %.183, align 8
  %.192 = getelementptr i8, ptr %1, i64 16
  %.193 = load double, ptr %.192, align 8
  %.198 = getelementptr i64, ptr %arg.starts, i64 %.132163175
  %.199 = load i64, ptr %.198, align 8
  %.202 = getelementptr i8, ptr %.198, i64 8
  %.203 = load i64, ptr %.202, align 8
  %.240 = sub i64 %.203, %.199
  %.284150.not = icmp slt i64 %.240, 1
  br i1 %.284150.not, label %B782, label %B242.lr.ph
B242.lr.ph:
  br label %B242
B354.endif:
  %.366 = fsub double %.324, %arg.centre
  %.6.i = fmul double %arg.inverse, %.366
  %.7.i = call double @llvm.fabs.f64(double %.6.i)
  %.8.i = fadd double %.7.i, 1.000000e+00
  %2 = bitcast double %.8.i to i64
  %.35.i = lshr i64 %2, 43
  %.36.i = add i64 %.35.i, -523776
  %.11.i.i = call i64 @llvm.umin.i64(i64 %.36.i, i64 4095)
  %.69.i = fcmp oge double %.366, 0.000000e+00
  %.72.i = or i64 %.11.i.i, 4096
  %.80.i = xor i64 %.11.i.i, 4095
  %"$phi254.0.2.0.i" = select i1 %.69.i, i64 %.72.i, i64 %.80.i
  %.402 = getelementptr i16, ptr %arg.table, i64 %"$phi254.0.2.0.i"
  %.403 = load i16, ptr %.402, align 2
  %.404 = zext i16 %.403 to i64
  %.414 = getelementptr double, ptr %arg.cut, i64 %"$phi254.0.2.0.i"
  %.415 = load double, ptr %.414, align 8
  %.417 = fcmp ogt double %.324, %.415
  %.420 = zext i1 %.417 to i64
  %cell.3.3 = add i64 %.420, %.404
  %.434 = getelementptr i8, ptr %arg.crowded, i64 %"$phi254.0.2.0.i"
  %.435 = load i8, ptr %.434, align 1
  %.438.not = icmp ne i8 %.435, 0
  %.446 = icmp ult i64 %cell.3.3, %.444
  %or.cond = select i1 %.438.not, i1 %.446, i1 false
  br i1 %or.cond, label %B526, label %B622.endif
B622.endif:
  %cell.5.3 = phi i64 [ %cell.3.3, %B526 ], [ %cell.3.3, %B354.endif ], [ %.444, %B550 ], [ %.468, %B598 ]
  %.510 = add i64 %cell.5.3, %.172
  %.512 = getelementptr i64, ptr %arg.counts, i64 %.510
  %.513 = load i64, ptr %.512, align 8
  %.514 = add i64 %.513, 1
  store i64 %.514, ptr %.512, align 8
  %.524 = getelementptr double, ptr %arg.sums, i64 %.510
  %.525 = load double, ptr %.524, align 8
  %.527 = fadd double %.366, %.525
  store double %.527, ptr %.524, align 8
  %.10.i = fcmp olt double %.324, %least.2.1154
  %.11.i = select i1 %.10.i, double %.324, double %least.2.1154
  %.533 = fmul double %.366, %.366
  %.537 = fadd double %squares.2.1153, %.533
  %.10.i4 = fcmp ogt double %.324, %most.2.1155
  %.11.i5 = select i1 %.10.i4, double %.324, double %most.2.1155
  br label %B919
}

define void @count_codes(ptr %arg.x, ptr %arg.starts, ptr %arg.windows, i64 %arg.runs, ptr %arg.lookup, i64 %arg.size, ptr %arg.counts) {
B0.endif:
  %.10492.not = icmp slt i64 %arg.runs, 1
  br i1 %.10492.not, label %B228, label %B36.endif.preheader
B36.endif.preheader:
  %scevgep3 = getelementptr i8, ptr %arg.x, i64 28
  br label %B36.endif
B34.loopexit:
  %exitcond.not = icmp eq i64 %arg.runs, %.117
  br i1 %exitcond.not, label %B228, label %B36.endif
B134:
  %lsr.iv5 = phi ptr [ %scevgep4, %B134.preheader ], [ %scevgep6, %B134 ]
  %lsr.iv1 = phi i64 [ %5, %B134.preheader ], [ %lsr.iv.next2, %B134 ]
  %scevgep13 = getelementptr i8, ptr %lsr.iv5, i64 -28
  %.276 = load i32, ptr %scevgep13, align 4
  %.278 = zext i32 %.276 to i64
  %.279 = getelementptr i16, ptr %arg.lookup, i64 %.278
  %.280 = load i16, ptr %.279, align 2
  %.281 = zext i16 %.280 to i64
  %.285 = getelementptr i64, ptr %0, i64 %.281
  %.286 = load i64, ptr %.285, align 8
  %.287 = add i64 %.286, 1
  store i64 %.287, ptr %.285, align 8
  %scevgep12 = getelementptr i8, ptr %lsr.iv5, i64 -24
  %.276.1 = load i32, ptr %scevgep12, align 4
  %.278.1 = zext i32 %.276.1 to i64
  %.279.1 = getelementptr i16, ptr %arg.lookup, i64 %.278.1
  %.280.1 = load i16, ptr %.279.1, align 2
  %.281.1 = zext i16 %.280.1 to i64
  %.285.1 = getelementptr i64, ptr %0, i64 %.281.1
  %.286.1 = load i64, ptr %.285.1, align 8
  %.287.1 = add i64 %.286.1, 1
  store i64 %.287.1, ptr %.285.1, align 8
  %scevgep11 = getelementptr i8, ptr %lsr.iv5, i64 -20
  %.276.2 = load i32, ptr %scevgep11, align 4
  %.278.2 = zext i32 %.276.2 to i64
  %.279.2 = getelementptr i16, ptr %arg.lookup, i64 %.278.2
  %.280.2 = load i16, ptr %.279.2, align 2
  %.281.2 = zext i16 %.280.2 to i64
  %.285.2 = getelementptr i64, ptr %0, i64 %.281.2
  %.286.2 = load i64, ptr %.285.2, align 8
  %.287.2 = add i64 %.286.2, 1
  store i64 %.287.2, ptr %.285.2, align 8
  %scevgep10 = getelementptr i8, ptr %lsr.iv5, i64 -16
  %.276.3 = load i32, ptr %scevgep10, align 4
  %.278.3 = zext i32 %.276.3 to i64
  %.279.3 = getelementptr i16, ptr %arg.lookup, i64 %.278.3
  %.280.3 = load i16, ptr %.279.3, align 2
  %.281.3 = zext i16 %.280.3 to i64
  %.285.3 = getelementptr i64, ptr %0, i64 %.281.3
  %.286.3 = load i64, ptr %.285.3, align 8
  %.287.3 = add i64 %.286.3, 1
  store i64 %.287.3, ptr %.285.3, align 8
  %scevgep9 = getelementptr i8, ptr %lsr.iv5, i64 -12
  %.276.4 = load i32, ptr %scevgep9, align 4
  %.278.4 = zext i32 %.276.4 to i64
  %.279.4 = getelementptr i16, ptr %arg.lookup, i64 %.278.4
  %.280.4 = load i16, ptr %.279.4, align 2
  %.281.4 = zext i16 %.280.4 to i64
  %.285.4 = getelementptr i64, ptr %0, i64 %.281.4
  %.286.4 = load i64, ptr %.285.4, align 8
  %.287.4 = add i64 %.286.4, 1
  store i64 %.287.4, ptr %.285.4, align 8
  %scevgep8 = getelementptr i8, ptr %lsr.iv5, i64 -8
  %.276.5 = load i32, ptr %scevgep8, align 4
  %.278.5 = zext i32 %.276.5 to i64
  %.279.5 = getelementptr i16, ptr %arg.lookup, i64 %.278.5
  %.280.5 = load i16, ptr %.279.5, align 2
  %.281.5 = zext i16 %.280.5 to i64
  %.285.5 = getelementptr i64, ptr %0, i64 %.281.5
  %.286.5 = load i64, ptr %.285.5, align 8
  %.287.5 = add i64 %.286.5, 1
  store i64 %.287.5, ptr %.285.5, align 8
  %scevgep7 = getelementptr i8, ptr %lsr.iv5, i64 -4
  %.276.6 = load i32, ptr %scevgep7, align 4
  %.278.6 = zext i32 %.276.6 to i64
  %.279.6 = getelementptr i16, ptr %arg.lookup, i64 %.278.6
  %.280.6 = load i16, ptr %.279.6, align 2
  %.281.6 = zext i16 %.280.6 to i64
  %.285.6 = getelementptr i64, ptr %0, i64 %.281.6
  %.286.6 = load i64, ptr %.285.6, align 8
  %.287.6 = add i64 %.286.6, 1
  store i64 %.287.6, ptr %.285.6, align 8
  %.276.7 = load i32, ptr %lsr.iv5, align 4
  %.278.7 = zext i32 %.276.7 to i64
  %.279.7 = getelementptr i16, ptr %arg.lookup, i64 %.278.7
  %.280.7 = load i16, ptr %.279.7, align 2
  %.281.7 = zext i16 %.280.7 to i64
  %.285.7 = getelementptr i64, ptr %0, i64 %.281.7
  %.286.7 = load i64, ptr %.285.7, align 8
  %.287.7 = add i64 %.286.7, 1
  store i64 %.287.7, ptr %.285.7, align 8
  %lsr.iv.next2 = add i64 %lsr.iv1, -8
  %scevgep6 = getelementptr i8, ptr %lsr.iv5, i64 32
  %.236.7 = icmp sgt i64 %lsr.iv.next2, 8
  br i1 %.236.7, label %B134, label %B34.loopexit
B228:
  ret void
B36.endif:
  %.1108793 = phi i64 [ %.117, %B34.loopexit ], [ 0, %B36.endif.preheader ]
  %.117 = add i64 %.1108793, 1
  %.151 = getelementptr i64, ptr %arg.starts, i64 %.1108793
  %.152 = load i64, ptr %.151, align 8
  %.155 = getelementptr i8, ptr %.151, i64 8
  %.156 = load i64, ptr %.155, align 8
  %.193 = sub i64 %.156, %.152
  %.23682.not = icmp slt i64 %.193, 1
  br i1 %.23682.not, label %B34.loopexit, label %B134.lr.ph
B134.lr.ph:
  %.143 = getelementptr i64, ptr %arg.windows, i64 %.1108793
  %.144 = load i64, ptr %.143, align 8
  %.146 = mul i64 %.144, %arg.size
  %0 = getelementptr i64, ptr %arg.counts, i64 %.146
  %xtraiter = and i64 %.193, 7
  %lcmp.mod.not = icmp eq i64 %xtraiter, 0
  br i1 %lcmp.mod.not, label %B134.prol.loopexit, label %B134.prol.preheader
B134.prol.preheader:
  br label %B134.prol
B134.prol:
  %lsr.iv = phi i64 [ %xtraiter, %B134.prol.preheader ], [ %lsr.iv.next, %B134.prol ]
  %.2428183.prol = phi i64 [ %.249.prol, %B134.prol ], [ %.152, %B134.prol.preheader ]
  %.249.prol = add i64 %.2428183.prol, 1
  %1 = shl i64 %.2428183.prol, 2
  %scevgep = getelementptr i8, ptr %arg.x, i64 %1
  %.276.prol = load i32, ptr %scevgep, align 4
  %.278.prol = zext i32 %.276.prol to i64
  %.279.prol = getelementptr i16, ptr %arg.lookup, i64 %.278.prol
  %.280.prol = load i16, ptr %.279.prol, align 2
  %.281.prol = zext i16 %.280.prol to i64
  %.285.prol = getelementptr i64, ptr %0, i64 %.281.prol
  %.286.prol = load i64, ptr %.285.prol, align 8
  %.287.prol = add i64 %.286.prol, 1
  store i64 %.287.prol, ptr %.285.prol, align 8
  %lsr.iv.next = add i64 %lsr.iv, -1
  %prol.iter.cmp.not = icmp eq i64 %lsr.iv.next, 0
  br i1 %prol.iter.cmp.not, label %B134.prol.loopexit.loopexit, label %B134.prol
B134.prol.loopexit.loopexit:
  %2 = sub i64 %.156, %.249.prol
  br label %B134.prol.loopexit
B134.prol.loopexit:
  %.2358084.unr = phi i64 [ %.193, %B134.lr.ph ], [ %2, %B134.prol.loopexit.loopexit ]
  %.2428183.unr = phi i64 [ %.152, %B134.lr.ph ], [ %.249.prol, %B134.prol.loopexit.loopexit ]
  %3 = sub i64 %.152, %.156
  %4 = icmp ugt i64 %3, -8
  br i1 %4, label %B34.loopexit, label %B134.preheader
B134.preheader:
  %5 = add i64 %.2358084.unr, 8
  %6 = shl i64 %.2428183.unr, 2
  %scevgep4 = getelementptr i8, ptr %scevgep3, i64 %6
  br label %B134
}

define void @find_cells(ptr %arg.x, i64 %arg.n, ptr %arg.table, ptr %arg.cut, ptr %arg.crowded, ptr %arg.edges, i64 %arg.size, double %arg.centre, double %arg.inverse, ptr %arg.cells) {
B0.endif:
  %.11384.not = icmp slt i64 %arg.n, 1
  br i1 %.11384.not, label %common.ret, label %B36.lr.ph
B36.lr.ph:
  %.252 = add i64 %arg.size, -2
  %.168 = add i64 %arg.size, -1
  %0 = icmp eq i64 %arg.n, 1
  br i1 %0, label %B36.epil.preheader, label %B36.lr.ph.new
B36.lr.ph.new:
  %unroll_iter = and i64 %arg.n, 9223372036854775806
  br label %B36
B36:
  %.1198385 = phi i64 [ 0, %B36.lr.ph.new ], [ %.126.1, %B397.1 ]
  %.126 = or i64 %.1198385, 1
  %.156 = getelementptr double, ptr %arg.x, i64 %.1198385
  %.157 = load double, ptr %.156, align 8
  %.162 = call double @llvm.fabs.f64(double %.157)
  %.163 = fcmp ugt double %.162, 1.000000e+140
  br i1 %.163, label %B397, label %B120.endif
B288:
  %.265 = getelementptr double, ptr %arg.edges, i64 %cell.3.2
  %.266 = load double, ptr %.265, align 8
  %.270 = fcmp ogt double %.157, %.266
  br i1 %.270, label %B312.preheader, label %B397
B312.preheader:
  br label %B312
B312:
  %cell.4.3 = phi i64 [ %.276, %B360 ], [ %cell.3.2, %B312.preheader ]
  %1 = add i64 %cell.4.3, 1
  %.288 = icmp ult i64 %1, %.252
  br i1 %.288, label %B360, label %B397
B360:
  %sunkaddr = mul i64 %cell.4.3, 8
  %sunkaddr9 = getelementptr i8, ptr %arg.edges, i64 %sunkaddr
  %sunkaddr10 = getelementptr i8, ptr %sunkaddr9, i64 8
  %.299 = load double, ptr %sunkaddr10, align 8
  %.303 = fcmp ogt double %.157, %.299
  %.276 = add i64 %cell.4.3, 1
  br i1 %.303, label %B312, label %B397
common.ret.loopexit.unr-lcssa:
  %2 = and i64 %arg.n, 1
  %lcmp.mod.not = icmp eq i64 %2, 0
  br i1 %lcmp.mod.not, label %common.ret, label %B36.epil.preheader
B36.epil.preheader:
  %.1198385.epil.init = phi i64 [ 0, %B36.lr.ph ], [ %.126.1, %common.ret.loopexit.unr-lcssa ]
  %.156.epil = getelementptr double, ptr %arg.x, i64 %.1198385.epil.init
  %.157.epil = load double, ptr %.156.epil, align 8
  %.162.epil = call double @llvm.fabs.f64(double %.157.epil)
  %.163.epil = fcmp ugt double %.162.epil, 1.000000e+140
  br i1 %.163.epil, label %B397.epil, label %B120.endif.epil
B120.endif.epil:
  %.179.epil = fsub double %.157.epil, %arg.centre
  %.6.i.epil = fmul double %arg.inverse, %.179.epil
  %.7.i.epil = call double @llvm.fabs.f64(double %.6.i.epil)
  %.8.i.epil = fadd double %.7.i.epil, 1.000000e+00
  %3 = bitcast double %.8.i.epil to i64
  %.35.i.epil = lshr i64 %3, 43
  %.36.i.epil = add i64 %.35.i.epil, -523776
  %.11.i.i.epil = call i64 @llvm.umin.i64(i64 %.36.i.epil, i64 4095)
  %.69.i.epil = fcmp oge double %.179.epil, 0.000000e+00
  %.72.i.epil = or i64 %.11.i.i.epil, 4096
  %.80.i.epil = xor i64 %.11.i.i.epil, 4095
  %"$phi254.0.2.0.i.epil" = select i1 %.69.i.epil, i64 %.72.i.epil, i64 %.80.i.epil
  %.210.epil = getelementptr i16, ptr %arg.table, i64 %"$phi254.0.2.0.i.epil"
  %.211.epil = load i16, ptr %.210.epil, align 2
  %.212.epil = zext i16 %.211.epil to i64
  %.222.epil = getelementptr double, ptr %arg.cut, i64 %"$phi254.0.2.0.i.epil"
  %.223.epil = load double, ptr %.222.epil, align 8
  %.225.epil = fcmp ogt double %.157.epil, %.223.epil
  %.228.epil = zext i1 %.225.epil to i64
  %cell.3.2.epil = add i64 %.228.epil, %.212.epil
  %.242.epil = getelementptr i8, ptr %arg.crowded, i64 %"$phi254.0.2.0.i.epil"
  %.243.epil = load i8, ptr %.242.epil, align 1
  %.246.not.epil = icmp ne i8 %.243.epil, 0
  %.254.epil = icmp ult i64 %cell.3.2.epil, %.252
  %or.cond.epil = select i1 %.246.not.epil, i1 %.254.epil, i1 false
  br i1 %or.cond.epil, label %B288.epil, label %B397.epil
B288.epil:
  %.265.epil = getelementptr double, ptr %arg.edges, i64 %cell.3.2.epil
  %.266.epil = load double, ptr %.265.epil, align 8
  %.270.epil = fcmp ogt double %.157.epil, %.266.epil
  br i1 %.270.epil, label %B312.epil.preheader, label %B397.epil
B312.epil.preheader:
  br label %B312.epil
B312.epil:
  %cell.4.3.epil = phi i64 [ %.276.epil, %B360.epil ], [ %cell.3.2.epil, %B312.epil.preheader ]
  %4 = add i64 %cell.4.3.epil, 1
  %.288.epil = icmp ult i64 %4, %.252
  br i1 %.288.epil, label %B360.epil, label %B397.epil
B360.epil:
  %sunkaddr11 = mul i64 %cell.4.3.epil, 8
  %sunkaddr12 = getelementptr i8, ptr %arg.edges, i64 %sunkaddr11
  %sunkaddr13 = getelementptr i8, ptr %sunkaddr12, i64 8
  %.299.epil = load double, ptr %sunkaddr13, align 8
  %.303.epil = fcmp ogt double %.157.epil, %.299.epil
  %.276.epil = add i64 %cell.4.3.epil, 1
  br i1 %.303.epil, label %B312.epil, label %B397.epil
B397.epil:
  %cell.5.2.sink.epil = phi i64 [ %.168, %B36.epil.preheader ], [ %cell.3.2.epil, %B288.epil ], [ %cell.3.2.epil, %B120.endif.epil ], [ %.252, %B312.epil ], [ %.276.epil, %B360.epil ]
  %.321.epil = getelementptr i64, ptr %arg.cells, i64 %.1198385.epil.init
  store i64 %cell.5.2.sink.epil, ptr %.321.epil, align 8
  br label %common.ret
common.ret:
  ret void
B397:
  %cell.5.2.sink = phi i64 [ %.168, %B36 ], [ %cell.3.2, %B288 ], [ %cell.3.2, %B120.endif ], [ %.252, %B312 ], [ %.276, %B360 ]
  %.321 = getelementptr i64, ptr %arg.cells, i64 %.1198385
  store i64 %cell.5.2.sink, ptr %.321, align 8
  %.126.1 = add i64 %.1198385, 2
  %.156.1 = getelementptr double, ptr %arg.x, i64 %.126
  %.157.1 = load double, ptr %.156.1, align 8
  %.162.1 = call double @llvm.fabs.f64(double %.157.1)
  %.163.1 = fcmp ugt double %.162.1, 1.000000e+140
  br i1 %.163.1, label %B397.1, label %B120.endif.1
B120.endif.1:
  %.179.1 = fsub double %.157.1, %arg.centre
  %.6.i.1 = fmul double %arg.inverse, %.179.1
  %.7.i.1 = call double @llvm.fabs.f64(double %.6.i.1)
  %.8.i.1 = fadd double %.7.i.1, 1.000000e+00
  %5 = bitcast double %.8.i.1 to i64
  %.35.i.1 = lshr i64 %5, 43
  %.36.i.1 = add i64 %.35.i.1, -523776
  %.11.i.i.1 = call i64 @llvm.umin.i64(i64 %.36.i.1, i64 4095)
  %.69.i.1 = fcmp oge double %.179.1, 0.000000e+00
  %.72.i.1 = or i64 %.11.i.i.1, 4096
  %.80.i.1 = xor i64 %.11.i.i.1, 4095
  %"$phi254.0.2.0.i.1" = select i1 %.69.i.1, i64 %.72.i.1, i64 %.80.i.1
  %.210.1 = getelementptr i16, ptr %arg.table, i64 %"$phi254.0.2.0.i.1"
  %.211.1 = load i16, ptr %.210.1, align 2
  %.212.1 = zext i16 %.211.1 to i64
  %.222.1 = getelementptr double, ptr %arg.cut, i64 %"$phi254.0.2.0.i.1"
  %.223.1 = load double, ptr %.222.1, align 8
  %.225.1 = fcmp ogt double %.157.1, %.223.1
  %.228.1 = zext i1 %.225.1 to i64
  %cell.3.2.1 = add i64 %.228.1, %.212.1
  %.242.1 = getelementptr i8, ptr %arg.crowded, i64 %"$phi254.0.2.0.i.1"
  %.243.1 = load i8, ptr %.242.1, align 1
  %.246.not.1 = icmp ne i8 %.243.1, 0
  %.254.1 = icmp ult i64 %cell.3.2.1, %.252
  %or.cond.1 = select i1 %.246.not.1, i1 %.254.1, i1 false
  br i1 %or.cond.1, label %B288.1, label %B397.1
B288.1:
  %.265.1 = getelementptr double, ptr %arg.edges, i64 %cell.3.2.1
  %.266.1 = load double, ptr %.265.1, align 8
  %.270.1 = fcmp ogt double %.157.1, %.266.1
  br i1 %.270.1, label %B312.1.preheader, label %B397.1
B312.1.preheader:
  br label %B312.1
B312.1:
  %cell.4.3.1 = phi i64 [ %.276.1, %B360.1 ], [ %cell.3.2.1, %B312.1.preheader ]
  %6 = add i64 %cell.4.3.1, 1
  %.288.1 = icmp ult i64 %6, %.252
  br i1 %.288.1, label %B360.1, label %B397.1
B360.1:
  %sunkaddr14 = mul i64 %cell.4.3.1, 8
  %sunkaddr15 = getelementptr i8, ptr %arg.edges, i64 %sunkaddr14
  %sunkaddr16 = getelementptr i8, ptr %sunkaddr15, i64 8
  %.299.1 = load double, ptr %sunkaddr16, align 8
  %.303.1 = fcmp ogt double %.157.1, %.299.1
  %.276.1 = add i64 %cell.4.3.1, 1
  br i1 %.303.1, label %B312.1, label %B397.1
B397.1:
  %cell.5.2.sink.1 = phi i64 [ %.168, %B397 ], [ %cell.3.2.1, %B288.1 ], [ %cell.3.2.1, %B120.endif.1 ], [ %.252, %B312.1 ], [ %.276.1, %B360.1 ]
  %.321.1 = getelementptr i64, ptr %arg.cells, i64 %.126
  store i64 %cell.5.2.sink.1, ptr %.321.1, align 8
  %niter.ncmp.1 = icmp eq i64 %.126.1, %unroll_iter
  br i1 %niter.ncmp.1, label %common.ret.loopexit.unr-lcssa, label %B36
B120.endif:
  %.179 = fsub double %.157, %arg.centre
  %.6.i = fmul double %arg.inverse, %.179
  %.7.i = call double @llvm.fabs.f64(double %.6.i)
  %.8.i = fadd double %.7.i, 1.000000e+00
  %7 = bitcast double %.8.i to i64
  %.35.i = lshr i64 %7, 43
  %.36.i = add i64 %.35.i, -523776
  %.11.i.i = call i64 @llvm.umin.i64(i64 %.36.i, i64 4095)
  %.69.i = fcmp oge double %.179, 0.000000e+00
  %.72.i = or i64 %.11.i.i, 4096
  %.80.i = xor i64 %.11.i.i, 4095
  %"$phi254.0.2.0.i" = select i1 %.69.i, i64 %.72.i, i64 %.80.i
  %.210 = getelementptr i16, ptr %arg.table, i64 %"$phi254.0.2.0.i"
  %.211 = load i16, ptr %.210, align 2
  %.212 = zext i16 %.211 to i64
  %.222 = getelementptr double, ptr %arg.cut, i64 %"$phi254.0.2.0.i"
  %.223 = load double, ptr %.222, align 8
  %.225 = fcmp ogt double %.157, %.223
  %.228 = zext i1 %.225 to i64
  %cell.3.2 = add i64 %.228, %.212
  %.242 = getelementptr i8, ptr %arg.crowded, i64 %"$phi254.0.2.0.i"
  %.243 = load i8, ptr %.242, align 1
  %.246.not = icmp ne i8 %.243, 0
  %.254 = icmp ult i64 %cell.3.2, %.252
  %or.cond = select i1 %.246.not, i1 %.254, i1 false
  br i1 %or.cond, label %B288, label %B397
}

define void @log_gamma(ptr %arg.x, i64 %arg.n, ptr %arg.found) {
B0.endif:
  %.9240.not = icmp slt i64 %arg.n, 1
  br i1 %.9240.not, label %B98, label %B36.preheader
B36.preheader:
  br label %B36
B36:
  %.983941 = phi i64 [ %.105, %B36 ], [ 0, %B36.preheader ]
  %.105 = add i64 %.983941, 1
  %0 = shl i64 %.983941, 3
  %scevgep1 = getelementptr i8, ptr %arg.x, i64 %0
  %.132 = load double, ptr %scevgep1, align 8
  %.133 = call double @lgamma(double %.132)
  %1 = shl i64 %.983941, 3
  %scevgep = getelementptr i8, ptr %arg.found, i64 %1
  store double %.133, ptr %scevgep, align 8
  %exitcond.not = icmp eq i64 %arg.n, %.105
  br i1 %exitcond.not, label %B98, label %B36
B98:
  ret void
}

define void @upper_gamma(ptr %arg.shape, ptr %arg.x, i64 %arg.n, ptr %arg.found) {
B0.endif:
  %.9658.not = icmp slt i64 %arg.n, 1
  br i1 %.9658.not, label %B634, label %B38.preheader
B38.preheader:
  br label %B38
B38:
  %.1025759 = phi i64 [ %.109, %B635 ], [ 0, %B38.preheader ]
  %.109 = add i64 %.1025759, 1
  %.139 = getelementptr double, ptr %arg.shape, i64 %.1025759
  %.140 = load double, ptr %.139, align 8
  %.143 = getelementptr double, ptr %arg.x, i64 %.1025759
  %.144 = load double, ptr %.143, align 8
  %.152 = fcmp ogt double %.144, 0.000000e+00
  br i1 %.152, label %B96, label %B635
B96:
  %.166 = call double @llvm.log.f64(double %.144)
  %.168 = fmul double %.140, %.166
  %.170 = fsub double %.168, %.144
  %.172 = call double @lgamma(double %.140)
  %.173 = fsub double %.170, %.172
  %.174 = call double @llvm.exp.f64(double %.173)
  %.179 = fadd double %.140, 1.000000e+00
  %.181 = fcmp olt double %.144, %.179
  br i1 %.181, label %B244.endif, label %B358
B280:
  %term.2.2 = phi double [ %.216, %B280 ], [ %.187, %B280.preheader ]
  %divisor.2.2 = phi double [ %.207, %B280 ], [ %.140, %B280.preheader ]
  %total.2.2 = phi double [ %.220, %B280 ], [ %.187, %B280.preheader ]
  %.207 = fadd double %divisor.2.2, 1.000000e+00
  %.214 = fdiv double %.144, %.207
  %.216 = fmul double %term.2.2, %.214
  %.220 = fadd double %total.2.2, %.216
  %.225 = fmul double %.220, 1.000000e-17
  %.226 = fcmp ogt double %.216, %.225
  br i1 %.226, label %B280, label %B334
B334:
  %total.3.3 = phi double [ %.187, %B244.endif ], [ %.220, %B280 ]
  %.238 = fmul double %.174, %total.3.3
  %.243 = fsub double 1.000000e+00, %.238
  br label %B635
B358:
  %.252 = fadd double %.144, 1.000000e+00
  %.256 = fsub double %.252, %.140
  %.267 = fdiv double 1.000000e+00, %.256
  br label %B456
B456:
  %far.2.2 = phi double [ %.256, %B358 ], [ %.333, %B456 ]
  %step.2.2 = phi double [ 0.000000e+00, %B358 ], [ %.326, %B456 ]
  %lower.2.2 = phi double [ %.267, %B358 ], [ %.353, %B456 ]
  %upper.2.2 = phi double [ 1.000000e+300, %B358 ], [ %.370, %B456 ]
  %value.2.2 = phi double [ %.267, %B358 ], [ %.378, %B456 ]
  %.326 = fadd double %step.2.2, 1.000000e+00
  %.333 = fadd double %far.2.2, 2.000000e+00
  %.341 = fsub double %.326, %.140
  %.343 = fmul double %.326, %.341
  %.345 = fmul double %lower.2.2, %.343
  %.349 = fsub double %.333, %.345
  %.353 = fdiv double 1.000000e+00, %.349
  %.366 = fdiv double %.343, %upper.2.2
  %.370 = fsub double %.333, %.366
  %.376 = fmul double %.370, %.353
  %.378 = fmul double %value.2.2, %.376
  %.387 = fadd double %.376, -1.000000e+00
  %.388 = call double @llvm.fabs.f64(double %.387)
  %.389 = fcmp ogt double %.388, 1.000000e-15
  %.418 = fcmp olt double %.326, 1.000000e+06
  %or.cond = select i1 %.389, i1 %.418, i1 false
  br i1 %or.cond, label %B456, label %B614
B614:
  %.461 = fmul double %.174, %.378
  br label %B635
B634:
  ret void
B635:
  %.461.sink = phi double [ %.461, %B614 ], [ %.243, %B334 ], [ 1.000000e+00, %B38 ]
  %.468 = getelementptr double, ptr %arg.found, i64 %.1025759
  store double %.461.sink, ptr %.468, align 8
  %exitcond.not = icmp eq i64 %arg.n, %.109
  br i1 %exitcond.not, label %B634, label %B38
B244.endif:
  %.187 = fdiv double 1.000000e+00, %.140
  %.203 = fmul double %.187, 1.000000e-17
  %.204 = fcmp ogt double %.187, %.203
  br i1 %.204, label %B280.preheader, label %B334
B280.preheader:
  br label %B280
}

declare double @lgamma(double)

declare double @llvm.exp.f64(double)

declare double @llvm.fabs.f64(double)

declare double @llvm.log.f64(double)

declare i64 @llvm.umin.i64(i64, i64)
