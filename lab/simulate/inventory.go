package simulate

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteInventory writes inventory.yaml.
func (s *Simulation) WriteInventory(w io.Writer) error {
	out := bufio.NewWriter(w)
	var networks []string
	for _, p := range s.company.internal {
		networks = append(networks, `"`+p.String()+`"`)
	}
	fmt.Fprintf(out, "networks:\n  internal: [%s]\nhosts:\n", strings.Join(networks, ", "))
	for _, h := range s.company.hosts {
		var addresses []string
		for _, a := range h.spells {
			if text := a.address.String(); a.known && !slices.Contains(addresses, text) {
				addresses = append(addresses, text)
			}
		}
		if h.six.IsValid() {
			addresses = append(addresses, `"`+h.six.String()+`"`)
		}
		fmt.Fprintf(out, "  %s: {addresses: [%s]", h.name, strings.Join(addresses, ", "))
		if len(h.roles) > 0 {
			fmt.Fprintf(out, ", roles: [%s]", strings.Join(h.roles, ", "))
		}
		if !h.monitored {
			out.WriteString(", monitored: false")
		}
		out.WriteString("}\n")
	}
	return out.Flush()
}
