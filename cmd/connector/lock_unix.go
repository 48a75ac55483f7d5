//go:build unix && !solaris && !aix

package main

import (
	"errors"
	"os"
	"syscall"
)

// flock takes an advisory lock, or returns errLocked at once. It goes with the process, also with one
// that is killed.
func flock(file *os.File, shared bool) error {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		}
		return err
	}
}

func running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// keepPrivate makes the files of this process its user's alone: state and dead letters hold personal data.
func keepPrivate() { syscall.Umask(0o077) }
