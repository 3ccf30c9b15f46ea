"""The system calls that a student's process may not make, as a filter the kernel runs."""

import errno
import tempfile

import pyseccomp

# Ways out of a namespace, into the kernel, or into another process; memory that no limit counts.
REFUSED = (
    "ptrace process_vm_readv process_vm_writev kcmp process_madvise "
    "mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick "
    "mount_setattr unshare setns bpf perf_event_open userfaultfd keyctl add_key request_key "
    "io_uring_setup io_uring_enter io_uring_register memfd_create memfd_secret "
    "shmget msgget semget mq_open init_module finit_module delete_module kexec_load "
    "kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd settimeofday clock_settime "
    "adjtimex clock_adjtime personality lookup_dcookie open_by_handle_at name_to_handle_at "
    "fanotify_init syslog sethostname setdomainname iopl ioperm vhangup nfsservctl uselib "
    "sched_setaffinity ioprio_set landlock_create_ruleset"
)
CLONE_NEW = 0x7E020000  # every CLONE_NEW* flag
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10


def filter_program() -> bytes:
    """Return the filter as a BPF program, for prctl(PR_SET_SECCOMP).

    The refused calls fail with EPERM; clone3, whose flags a filter cannot read, with ENOSYS, so
    that the C library falls back to clone. Sockets of families other than unix and inet do not
    exist (the namespace has no network anyway).
    """
    program = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in REFUSED.split():
        try:
            program.add_rule(refuse, name)
        except (ValueError, OSError):  # a call that this libseccomp or this processor lacks
            continue
    program.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for bit in range(32):
        if CLONE_NEW & (1 << bit):
            flag = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, 1 << bit, 1 << bit)
            program.add_rule(refuse, "clone", flag)
    families = pyseccomp.ERRNO(errno.EAFNOSUPPORT)
    program.add_rule(families, "socket", pyseccomp.Arg(0, pyseccomp.GT, AF_INET6))
    for family in range(AF_INET6):
        if family not in (AF_UNIX, AF_INET):
            program.add_rule(families, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    with tempfile.TemporaryFile() as file:
        program.export_bpf(file)
        file.seek(0)
        return file.read()
