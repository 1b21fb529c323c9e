package condition

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// PortSet is a set of TCP ports: a bit for each.
type PortSet [1 << 16 / 64]uint64

func (s *PortSet) Has(port int) bool {
	return port >= 0 && port <= schema.MaxPort && s[port/64]&(1<<(port%64)) != 0
}

func (s *PortSet) add(from, to int) {
	for port := max(0, from); port <= min(schema.MaxPort, to); port++ {
		s[port/64] |= 1 << (port % 64)
	}
}

func (s *PortSet) Len() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

func (s *PortSet) Complement() *PortSet {
	var c PortSet
	for i, word := range s {
		c[i] = ^word
	}
	return &c
}

// AddText adds what an entry of a list says: "22" or "1000-2000".
func (s *PortSet) AddText(text string) error {
	low, high, isRange := strings.Cut(text, "-")
	from, err := parsePort(strings.TrimSpace(low))
	if err != nil {
		return err
	}
	to := from
	if isRange {
		if to, err = parsePort(strings.TrimSpace(high)); err != nil {
			return err
		}
	}
	if from > to {
		return fmt.Errorf("the range %d-%d is empty; write the lower port first", from, to)
	}
	s.add(from, to)
	return nil
}

func parsePort(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '0' {
		return 0, fmt.Errorf("%q is not a port: a number from 1 to %d, or a range such as 1000-2000", yamlsrc.Short(text), schema.MaxPort)
	}
	return int(n), nil
}

// Texts are the ports of a set: 22, 8000-8010.
func (s *PortSet) Texts() (all []string) {
	for port := 0; port <= schema.MaxPort; port++ {
		if !s.Has(port) {
			continue
		}
		from := port
		for s.Has(port + 1) {
			port++
		}
		if from == port {
			all = append(all, strconv.Itoa(from))
		} else {
			all = append(all, fmt.Sprintf("%d-%d", from, port))
		}
	}
	return all
}
