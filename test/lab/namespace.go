package lab

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace that lives as long as its handle is open, or
// a socket or process in it.
type namespace struct{ netns.NsHandle }

func newNamespace() (namespace, error) {
	made := namespace{netns.None()}
	err := away(func() (err error) {
		made.NsHandle, err = netns.New()
		return err
	}, func() error { return nil })
	if err != nil {
		return made, fmt.Errorf("make a network namespace: %w", err)
	}
	return made, nil
}

// do runs f on a thread that is in the namespace.
func (n namespace) do(f func() error) error {
	return away(func() error { return netns.Set(n.NsHandle) }, f)
}

// routes opens rtnetlink in the namespace.
func (n namespace) routes() (handle *netlink.Handle, err error) {
	err = n.do(func() error {
		handle, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	return handle, err
}

// away calls leave, which moves the thread to another namespace, then f, and
// brings the thread back. It stays on the calling goroutine, unless that runs
// on the main thread.
func away(leave, f func() error) (err error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// While this goroutine holds the main thread, a new one gets another.
		defer runtime.UnlockOSThread()
		done := make(chan error)
		go func() { done <- away(leave, f) }()
		return <-done
	}
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the thread's own network namespace: %w", err)
	}
	defer home.Close()
	defer func() {
		if back := netns.Set(home); back != nil {
			// The thread stays locked, so it ends with the goroutine and
			// nothing else ever runs in the wrong namespace.
			err = errors.Join(err, fmt.Errorf("return to the thread's own network namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
	}()
	if err := leave(); err != nil {
		return fmt.Errorf("enter the network namespace: %w", err)
	}
	return f()
}
