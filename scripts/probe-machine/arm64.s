// The probe machine on aarch64: as x64.s, with x19 where the step lies, x20 the last result, x21 the kept one, w22 the flags.
start:
  mov x19, #0x10000000
next:
  mov x0, #0
  mov x1, x19
  mov x2, #64
  mov x8, #63
  svc #0
  cmp x0, #64
  b.ne end
  ldr w22, [x19, #56]
again:
  tbz w22, #4, direct
  mov x0, #17
  mov x1, #0
  mov x2, #0
  mov x3, #0
  mov x4, #0
  mov x8, #220
  svc #0
  cmp x0, #0
  b.lt record
  b.gt parent
  bl perform
  cmp x0, #0
  neg x0, x0
  csel x0, xzr, x0, ge
  mov x8, #93
  svc #0
parent:
  add x1, x19, #48
  mov x2, #0
  mov x3, #0
  mov x8, #260
  svc #0
  ldr w0, [x19, #48]
  b record
direct:
  bl perform
record:
  mov x20, x0
  tbz w22, #2, kept
  mov x21, x0
kept:
  tbnz x0, #63, done
  cbnz x0, counted
  tbz w22, #3, counted
pause:
  mov x0, #0
  mov x1, #0
  mov x2, #0
  mov x3, #0
  mov x8, #73
  svc #0
  b pause
counted:
  ldr w1, [x19, #60]
  sub w1, w1, #1
  str w1, [x19, #60]
  cmp w1, #0
  b.gt again
done:
  str x20, [x19, #48]
  mov x0, #1
  add x1, x19, #48
  mov x2, #16
  mov x8, #64
  svc #0
  b next
end:
  mov x0, #0
  mov x8, #93
  svc #0
perform:
  ldp x8, x0, [x19]
  ldp x1, x2, [x19, #16]
  ldp x3, x4, [x19, #32]
  ldr x5, [x19, #48]
  tbz w22, #0, whole
  mov x2, x20
whole:
  tbz w22, #1, named
  mov x0, x21
named:
  svc #0
  ret
