package event

import (
	"errors"
	"fmt"
	"time"
)

// Limits on what is decoded. They bound what a hostile message can make a
// service allocate; no real host comes near them.
const (
	MaxMessage   = 8 << 20 // bytes of an encoded message
	MaxUnpacked  = 16 << 20
	MaxRows      = 1 << 18 // sockets or connections of a message; more come in parts
	MaxParts     = 16
	MaxName      = 255 // bytes of a host, boot id, run or role
	MaxRoles     = 64
	MaxAddresses = 4096
)

// MaxUptime bounds a snapshot's uptime, so that no arithmetic on it overflows.
const MaxUptime = 100 * 365 * 24 * time.Hour

// ErrVersion is a message of a wire version that this program doesn't know.
var ErrVersion = errors.New("unknown wire version")

// checkNames holds the names of a message to what a reader of it accepts.
func checkNames(host, bootID, run string, roles []string) error {
	for _, f := range [...]struct{ field, value string }{{"host", host}, {"boot id", bootID}, {"run", run}} {
		if len(f.value) > MaxName {
			return fmt.Errorf("%s: %d bytes, more than %d", f.field, len(f.value), MaxName)
		}
	}
	if len(roles) > MaxRoles {
		return fmt.Errorf("%d roles, more than %d", len(roles), MaxRoles)
	}
	for i, role := range roles {
		if len(role) > MaxName {
			return fmt.Errorf("role %d: %d bytes, more than %d", i+1, len(role), MaxName)
		}
	}
	return nil
}
