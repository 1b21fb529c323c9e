package simulate

import (
	"fmt"
	"strings"
)

// style is how a company names its hosts.
type style struct {
	pattern  int
	site     string
	domain   string
	separate bool    // Windows machines have names of another kind
	vague    float64 // share of hosts without a role
	labels   float64 // share of hosts with another label beside their role
	short    map[kind]string
	role     map[kind]string
}

var (
	sites   = []string{"fra", "ber", "lon", "nyc", "ams", "sfo", "par", "vie", "osl", "tok", "hq", "dc1", "eu1"}
	domains = []string{"corp.example", "int.example.com", "lan", "internal", "example.net", "ad.example.org"}
	stars   = strings.Fields(`
		zeus hera apollo athena hermes ares artemis dionysus demeter hades hestia poseidon atlas chronos gaia helios iris
		janus kratos leto medusa nike orion pandora rhea selene themis urania vesta zephyr ajax boreas calypso daphne echo
		faunus gorgon hydra icarus jason kerberos lyra minos nestor odysseus perseus rigel sirius triton vega argo castor
		deneb electra fenris galatea hector io juno kepler luna mimas naiad oberon phoebe quasar rhode styx titan umbriel
		vulcan`)
	firstNames = strings.Fields(`
		anna ben carla david elena frank greta hugo ines jonas karin lukas mia noah olga paul quinn rosa simon tina uwe vera
		willi xenia yusuf zoe amir bao chen dana emil fatima goran hana igor jana kofi lena marek nina oscar priya ravi sara
		tom ulla viktor wanda`)
	labels   = strings.Fields("production linux critical pci internal team-platform legacy managed dmz tier-1 eu vm physical")
	products = map[uint16]string{5432: "postgres", 3306: "mysql", 1433: "mssql", 1521: "oracle", 27017: "mongodb"}
	serverID = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
)

func newStyle(o Options) style {
	r := newRandom(o.Seed, "style")
	s := style{
		pattern: r.IntN(8), site: pick(r, sites), domain: pick(r, domains), separate: r.chance(0.6),
		vague: pick(r, []float64{0, 0.05, 0.1, 0.3}), labels: pick(r, []float64{0, 0, 0.2, 0.6}),
		short: map[kind]string{}, role: map[kind]string{},
	}
	for _, t := range tiers {
		s.short[t.kind], s.role[t.kind] = pick(r, strings.Fields(t.short)), pick(r, strings.Fields(t.roles))
	}
	return s
}

// name is that of the n-th host of a kind, n from 1, and the i-th of the
// company, i from 0.
func (s style) name(r random, h *host, n, i int) string {
	short := s.short[h.kind]
	if h.kind.desk() && h.windows && s.separate {
		var id [7]byte
		for k := range id {
			id[k] = serverID[r.IntN(len(serverID))]
		}
		return pick(r, []string{"DESKTOP-", "LAPTOP-", "WS-"}) + string(id[:])
	}
	if h.kind.desk() && h.owner != nil && s.pattern%2 == 1 {
		return fmt.Sprintf("%s-%s", short, h.owner.name)
	}
	switch s.pattern {
	case 0, 1:
		return fmt.Sprintf("%s-%02d", short, n)
	case 2:
		return fmt.Sprintf("%s%d", short, n)
	case 3:
		return fmt.Sprintf("%s-%s-%02d", s.site, short, n)
	case 4:
		return fmt.Sprintf("prd-%s%02d", short, n)
	case 5:
		return fmt.Sprintf("%s%02d.%s", short, n, s.domain)
	case 6:
		if i < len(stars) {
			return stars[i]
		}
		return fmt.Sprintf("%s%d", stars[i%len(stars)], i/len(stars)+1)
	}
	return strings.ToUpper(fmt.Sprintf("%s%s%03d", s.site, short, n))
}

// roleNames are a host's roles in the inventory.
func (s style) roleNames(r random, h *host, t *tier) []string {
	if r.chance(s.vague) {
		return nil
	}
	role := s.role[h.kind]
	if r.chance(0.12) {
		role = pick(r, strings.Fields(t.roles)) // named by another administrator
	}
	roles := []string{role}
	if product := products[h.service()]; h.kind == database && product != "" && r.chance(0.3) {
		roles = append(roles, product)
	}
	if r.chance(s.labels) {
		roles = append(roles, pick(r, labels))
	}
	return roles
}
