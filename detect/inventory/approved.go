package inventory

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/event"
)

// MaxApproved is how many edges a file can approve.
const MaxApproved = 1000

// Approved says that connections between some ends are normal, whatever was
// seen of them.
type Approved struct {
	From, To Ends
	Ports    []uint16 // the responder's; none: all
	Owner    string   // whom to ask
	Reason   string
	Expires  time.Time // the first instant, in UTC, at which it no longer counts
}

// Ends are the hosts that one end of an approved edge can be: everybody, those
// with a role, one by its name, or the addresses of a network.
type Ends struct {
	Any     bool
	Role    string
	Host    string
	Network netip.Prefix
}

// End is one end of a connection.
type End struct {
	Host    string
	Roles   []string
	Address event.Address
}

// Has reports whether an end is one of them.
func (e *Ends) Has(end *End) bool {
	switch {
	case e.Any:
		return true
	case e.Role != "":
		return slices.Contains(end.Roles, e.Role)
	case e.Host != "":
		return e.Host == end.Host
	}
	return end.Address != (event.Address{}) && e.Network.Contains(end.Address.Netip())
}

// Approves returns the approval of an edge at a time, nil when there is none.
func (i *Inventory) Approves(from, to *End, port uint16, at time.Time) *Approved {
	if i == nil {
		return nil
	}
	for n := range i.Approved {
		a := &i.Approved[n]
		if (a.Ports == nil || slices.Contains(a.Ports, port)) && at.Before(a.Expires) && a.From.Has(from) && a.To.Has(to) {
			return a
		}
	}
	return nil
}

// approved reads the list of approved edges.
func (d *document) approved(node *yaml.Node) []Approved {
	items, ok := d.list(node, "edges", "{from: ci-01, to: any, ports: [22], owner: ops@example.com, reason: deploys, expires: 2027-01-31}", MaxApproved)
	if !ok {
		return nil
	}
	var all []Approved
	for _, item := range items {
		var a Approved
		seen := map[string]bool{}
		text := func(key string, to *string) func(*yaml.Node) {
			return func(value *yaml.Node) {
				seen[key] = true
				*to, _ = d.Text(value)
			}
		}
		ends := func(key string, to *Ends) func(*yaml.Node) {
			return func(value *yaml.Node) {
				seen[key] = true
				*to = d.ends(value)
			}
		}
		ok := d.mapping(item, keys{
			"from": ends("from", &a.From), "to": ends("to", &a.To),
			"ports":  func(value *yaml.Node) { a.Ports = d.ports(value) },
			"owner":  text("owner", &a.Owner),
			"reason": text("reason", &a.Reason),
			"expires": func(value *yaml.Node) {
				seen["expires"] = true
				a.Expires = d.lastDay(value)
			},
		})
		for _, key := range []string{"from", "to", "owner", "reason", "expires"} {
			if ok && !seen[key] {
				d.Errorf(item, "an approved edge needs %s", key)
			}
		}
		all = append(all, a)
	}
	return all
}

// ends reads any, role:NAME, a network, or a host's name.
func (d *document) ends(node *yaml.Node) (e Ends) {
	text, ok := d.Text(node)
	if !ok {
		return e
	}
	role, isRole := strings.CutPrefix(text, "role:")
	prefix, err := netip.ParsePrefix(text)
	switch {
	case text == "any":
		e.Any = true
	case isRole && badName(role) == "":
		e.Role = role
	case err == nil && prefix == prefix.Masked():
		e.Network = prefix
	case err == nil:
		d.Errorf(node, "%s is an address in a network; write %s", prefix, prefix.Masked())
	case !isRole && badName(text) == "" && !strings.Contains(text, "/"):
		e.Host = text
	default:
		d.Errorf(node, "%.64q: write a host's name, role:web, a network such as 10.1.0.0/16, or any", text)
	}
	return e
}

func (d *document) ports(node *yaml.Node) []uint16 {
	items, ok := d.list(node, "ports", "22", 100)
	if !ok {
		return nil
	}
	ports := make([]uint16, 0, len(items))
	for _, item := range items {
		text, ok := d.Text(item)
		if !ok {
			continue
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			d.Errorf(item, "port %.64q: write a number from 1 to 65535", text)
			continue
		}
		ports = append(ports, uint16(port))
	}
	return ports
}

// lastDay reads the last day on which something counts.
func (d *document) lastDay(node *yaml.Node) time.Time {
	text, ok := d.Text(node)
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		d.Errorf(node, "%.64q: write a day such as 2027-01-31", text)
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}
