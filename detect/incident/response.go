package incident

import (
	"fmt"
	"slices"
	"strings"

	"headstart/event"
)

// The ports whose sessions leave keys or credentials behind.
const sshPort = 22

// respond says what to do now: commands of nftables (nft(8)) that block the
// sources and cut off the hosts that act, and lists of what to rotate and to
// close. The commands make a table of their own, so that they change no rules
// that are there and are undone with nft delete table inet headstart.
func (i *incident) respond(r *event.Incident, know Knowledge) {
	var block []string
	for _, a := range r.Sources {
		block = append(block, dropFrom(a, "source of incident "+i.ID))
	}
	var keys, credentials, segment []string
	for _, p := range r.Parts {
		if m := i.Members[p.Host]; p.Part < event.Pivot || m.OnlyBefore {
			continue // a jump host isn't cut off for having been used
		}
		for _, a := range p.Addresses {
			block = append(block, dropFrom(a, p.Host+" of incident "+i.ID))
		}
	}
	add := func(to *[]string, text string) {
		if !slices.Contains(*to, text) && len(*to) < maxListed {
			*to = append(*to, text)
		}
	}
	for _, s := range i.path() {
		if s.Attempt || s.DestinationExternal {
			continue
		}
		switch {
		case s.Port == sshPort:
			if !s.SourceExternal {
				add(&keys, s.SourceHost)
			}
			add(&keys, s.DestinationHost)
		case know.Database(s.Port):
			add(&credentials, fmt.Sprintf("%s:%d", s.DestinationHost, s.Port))
		}
		if !s.SourceExternal {
			add(&segment, fmt.Sprintf("%s → %s:%d", s.SourceHost, s.DestinationHost, s.Port))
		}
	}
	if len(block) > 0 {
		block = block[:min(len(block), maxListed)]
		r.Response.Block = append([]string{
			"nft add table inet headstart",
			"nft add chain inet headstart input '{ type filter hook input priority -10 ; }'",
			"nft add chain inet headstart forward '{ type filter hook forward priority -10 ; }'",
		}, block...)
		for _, command := range block {
			r.Response.Block = append(r.Response.Block, strings.Replace(command, " input ", " forward ", 1))
		}
	}
	r.Response.RotateKeys, r.Response.RotateCredentials, r.Response.Segment = keys, credentials, segment
}

func dropFrom(a event.Address, comment string) string {
	family := "ip6"
	if a.Is4() {
		family = "ip"
	}
	return fmt.Sprintf("nft add rule inet headstart input %s saddr %s counter drop comment '%s'", family, a, plain(comment))
}

// plain keeps a comment to what needs no quoting in a shell or in nft, which
// takes at most 128 bytes.
func plain(text string) string {
	const most = 100
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" -_.", r) {
			return r
		}
		return '_'
	}, text)
	return `"` + text[:min(len(text), most)] + `"`
}
