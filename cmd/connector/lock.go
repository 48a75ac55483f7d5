package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// held are the locks of this process. They are let go when it ends, however it ends.
var held []*os.File

var errLocked = errors.New("another process has the lock")

// lockAll takes the locks of all claims, or says who has one of them. A lock is a file beside the file
// that it is for; it stays there, since to remove it would be to take it from somebody who has just
// opened it.
func lockAll(claims []claim) error {
	for _, c := range claims {
		if err := lock(c); err != nil {
			return err
		}
	}
	return nil
}

func lock(c claim) error {
	file, err := os.OpenFile(c.file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) || err != nil && c.shared {
		return nil // a folder that is not there is for whoever opens the file to complain about
	}
	if err != nil {
		return fmt.Errorf("locking the state: %w", err)
	}
	if heldAlready(file) {
		return file.Close()
	}
	err = flock(file, c.shared)
	if errors.Is(err, errLocked) {
		holders := holdersIn(file)
		_ = file.Close()
		return inUse(c, holders)
	}
	held = append(held, file)
	if err != nil { // some network file systems have no locks
		fmt.Fprintf(os.Stderr, "%s cannot be locked (%v): see to it that only one process uses it\n", c.file, err)
		return nil
	}
	holders := []string{me()}
	if c.shared {
		holders = append(slices.DeleteFunc(holdersIn(file), func(h string) bool { return h == me() }), me())
	}
	// It is for messages only: that it cannot be written is no reason not to run.
	if file.Truncate(0) == nil {
		_, _ = file.WriteAt([]byte(strings.Join(holders, "\n")+"\n"), 0)
	}
	return nil
}

// heldAlready reports whether this process has the lock, by whatever name of the file.
func heldAlready(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && slices.ContainsFunc(held, func(other *os.File) bool {
		has, err := other.Stat()
		return err == nil && os.SameFile(info, has)
	})
}

// me names this process, and its machine: containers that share a folder all are process 1.
func me() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}

// alive is false for a process of this machine that has ended.
func alive(holder string) bool {
	var pid int
	var host string
	if n, _ := fmt.Sscanf(holder, "process %d on %s", &pid, &host); n < 2 {
		return false
	}
	here, _ := os.Hostname()
	return host != here || running(pid)
}

// holdersIn reads who has a lock, as they have written it there, without those that were killed.
func holdersIn(file *os.File) (holders []string) {
	content := make([]byte, 4096)
	n, _ := file.ReadAt(content, 0)
	for line := range strings.Lines(string(content[:n])) {
		if holder := strings.TrimSpace(line); alive(holder) {
			holders = append(holders, holder)
		}
	}
	return holders
}

func inUse(c claim, holders []string) error {
	by := strings.Join(holders, ", ")
	if by == "" {
		by = "another process"
	}
	if c.letters {
		return fmt.Errorf("the dead letters %s are in use by %s, and cannot be sent again and written at one time: "+
			"stop the connectors that write them before you send them again, or wait until that has ended", c.file, by)
	}
	return fmt.Errorf("the state file %s is in use by %s, and two processes would fight over the position in it: "+
		"stop that one, or set %s to another folder for this one (dead letters are sent again while the main job is stopped)", c.file, by, stateDir)
}
