# The probe machine on x86_64: carries out the system calls that it reads on stdin, and writes what they answered.
# Its bytes are in src/domain/probeMachine/ProbeMachine.ts; test/domain/probeMachine/ProbeMachine.test.ts assembles this file and compares.
#
# A step is 64 bytes: number, six arguments, flags and times (two of 32 bits). r14 is where it lies, r13 the last
# result, r12 the one that was kept, ebx the flags:
#   1 third argument: the last result   2 first argument: what was kept   4 keep the result
#   8 a process that gets 0 rests for good (clone)   16 in a process of its own, whose end is the result   32 by int 0x80
# Answered are 16 bytes: the result, the flags, and how many times were left.
.intel_syntax noprefix
start:
  mov r14d, 0x10000000
next:
  xor eax, eax
  xor edi, edi
  mov rsi, r14
  mov edx, 64
  syscall
  cmp eax, 64
  jne end
  mov ebx, [r14+56]
again:
  test bl, 16
  jz direct
  mov eax, 56
  mov edi, 17
  xor esi, esi
  xor edx, edx
  xor r10d, r10d
  xor r8d, r8d
  syscall
  test rax, rax
  js record
  jnz parent
  call perform
  xor edi, edi
  test rax, rax
  jns leave
  mov edi, eax
  neg edi
leave:
  mov eax, 60
  syscall
parent:
  mov edi, eax
  mov eax, 61
  lea rsi, [r14+48]
  xor edx, edx
  xor r10d, r10d
  syscall
  mov eax, [r14+48]
  jmp record
direct:
  call perform
record:
  mov r13, rax
  test bl, 4
  jz kept
  mov r12, rax
kept:
  test rax, rax
  js done
  jnz counted
  test bl, 8
  jz counted
pause:
  mov eax, 34
  syscall
  jmp pause
counted:
  dec dword ptr [r14+60]
  jg again
done:
  mov [r14+48], r13
  mov eax, 1
  mov edi, 1
  lea rsi, [r14+48]
  mov edx, 16
  syscall
  jmp next
end:
  mov eax, 60
  xor edi, edi
  syscall
perform:
  mov rax, [r14]
  mov rdi, [r14+8]
  mov rsi, [r14+16]
  mov rdx, [r14+24]
  mov r10, [r14+32]
  mov r8, [r14+40]
  mov r9, [r14+48]
  test bl, 1
  jz whole
  mov rdx, r13
whole:
  test bl, 2
  jz named
  mov rdi, r12
named:
  test bl, 32
  jnz old
  syscall
  ret
old:
  int 0x80
  ret
