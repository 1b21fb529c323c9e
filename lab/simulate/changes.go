package simulate

import (
	"net/netip"
	"time"
)

// change is something harmless that happens to a company. It prepares the hosts
// before there is any traffic (addresses, outages, lifetimes), and returns what
// it adds to the traffic, or nil.
type change struct {
	kind   string
	weekly float64       // how often in a company of 50 hosts
	length time.Duration // of its entry in the truth
	note   string
	when   when
	needs  needs // or it doesn't happen
	happen func(e *episode) func()
}

// when is how the time of a change is chosen, and whether a person takes part.
type when struct {
	staff    bool    // an administrator, or else any person
	from, to float64 // local hours; working hours, if zero
}

var (
	byDay   = when{}
	byStaff = when{staff: true}
	ever    = 1000 * day // longer than any log
)

// changes are harmless events; kind and note are their entry in the truth. A
// change can come before or after the learning period.
var changes = []change{
	{"new-server", 1.2, 8 * hours, "a server is set up, deployed to and put to use", byStaff, nil, newServer},
	{"replaced-server", 0.7, 2 * hours, "a server is installed anew and gets another address", byDay, nil, replacedServer},
	{"new-address", 1.5, time.Hour, "a desk's machine gets another address", byDay, nil, newAddress},
	{"outage", 1.2, time.Hour, "a service fails, and people look after it", byDay, needs{{
		database, cache, queue, application, webServer, search, logServer, fileServer, monitoring, windowsServer, mailServer,
	}}, outage},
	{"maintenance", 1, 15 * minutes, "servers are patched and started anew, one after the other",
		when{true, 20, 29}, needs{{linux}}, maintenance},
	{"decommissioned", 0.4, ever, "a server is switched off; some go on asking for it", byDay, nil, decommissioned},
	{"first-login", 2.5, 2 * hours, "somebody logs into a server that others look after", byStaff, needs{{shells}}, firstLogin},
	{"on-call-login", 1.2, 2 * hours, "something fails at night, and whoever is on call logs in from home",
		when{true, 22, 30}, needs{{
			webServer, application, database, cache, queue, worker, logServer, compute, mailServer,
		}}, onCallLogin},
	{"new-developer", 0.5, day, "somebody begins to work here", byDay, nil, newDeveloper},
	{"contractor", 0.6, 2 * day, "somebody from outside comes in over ssh to work on some servers", byDay, needs{{exposed}}, contractor},
	{"travelling-administrator", 0.8, day, "an administrator works from a hotel", byStaff, needs{{bastion}}, travelingAdministrator},
	{"migration", 0.6, 10 * hours, "data move to another database", byDay, needs{
		{database, warehouse}, {database, warehouse, application, worker, staging},
	}, migration},
	{"deployment-to-all", 0.5, 2 * hours, "a change is rolled out to every server at once", byDay, needs{
		{configManager, buildServer},
	}, deploymentToAll},
	{"new-job", 0.8, ever, "a job runs for the first time, and from then on regularly", byDay, needs{
		{application, worker, warehouse, monitoring, staging}, {database, fileServer, warehouse, search},
	}, newJob},
	{"new-agent", 0.3, ever, "every server gets another agent, which reports to one host", byDay, needs{
		{monitoring, logServer, configManager, scanner, backupServer},
	}, newAgent},
	{"troubleshooting", 0.6, 4 * hours, "people look for a fault on many servers and between them", byStaff, needs{
		{linux},
	}, troubleshooting},
	{"file-copy", 0.6, 3 * hours, "somebody copies files from one server to another over ssh", byDay, nil, fileCopy},
	{"report", 1, 3 * hours, "a query runs far longer than usual", byDay, needs{
		{database, warehouse}, {application, warehouse, webServer, worker},
	}, report},
	{"port-check", 0.5, time.Hour, "somebody looks which of some hosts answer on a port", byStaff, nil, portCheck},
	{"file-server-move", 0.3, 12 * hours, "a share moves to another server", byDay, nil, shareMove},
	{"restore", 0.4, 5 * hours, "data come back from the backup, by day", byDay, needs{
		{database, fileServer, application, webServer}, {backupServer},
	}, restore},
	{"helpdesk", 1.2, 2 * hours, "an administrator helps people at their desks", byDay, needs{{adminDesk}, {officeDesk}}, helpdesk},
	{"tunnel", 0.6, 9 * hours, "somebody looks into a database through ssh", byDay, needs{
		{developerDesk, adminDesk}, {bastion, staging, application}, {database, warehouse, search},
	}, tunnel},
	{"partner-transfer", 0.6, 3 * hours, "gigabytes go to a partner", byDay, needs{
		{application, worker, fileServer, backupServer, warehouse, compute},
	}, partnerTransfer},
	{"new-cloud-service", 0.6, ever, "servers begin to talk to a service in the cloud", byDay, needs{{linux}}, newCloudService},
	{"failover", 0.3, time.Hour, "the other database takes over", byDay, needs{{database}, {application, webServer, worker}}, failover},
	{"forgotten-password", 1.5, time.Hour, "somebody mistypes a password again and again", byDay, nil, forgottenPassword},
	{"wrong-setting", 0.8, 0, "a program asks the wrong host again and again", byDay, needs{{linux}}, wrongSetting},
	{"extra-scan", 0.2, 3 * hours, "the scanner is started by hand", byDay, needs{{scanner}}, extraScan},
	{"crawler", 1, 3 * hours, "a search engine, or a scanner from outside, asks for everything", byDay, needs{
		{loadBalancer, webServer},
	}, crawler},
	{"popular-day", 0.3, 3 * hours, "five times as many visitors as usual", byDay, needs{
		{loadBalancer, webServer}, {webServer, application},
	}, popularDay},
	{"visitor", 0.4, 8 * hours, "an auditor's laptop, which no inventory has, uses the network", byDay, needs{{fileServer}}, visitor},
}

// episode is one occurrence of a change.
type episode struct {
	traffic
	*change
	at     time.Duration
	cast   [][]*host // the hosts of needs
	person *person
}

// planChanges decides what changes and when.
func (c *company) planChanges() {
	for k := range changes {
		x := &changes[k]
		t := c.traffic("change " + x.kind)
		size := min(3, float64(c.options.Hosts)/50)
		mean := x.weekly * c.ways.busy * size * c.calendar.end.Hours() / (7 * 24)
		for range t.poisson(mean) {
			e := &episode{traffic: t, change: x, at: t.span(0, c.calendar.end)}
			if at, ok := c.calendar.after(t.random, e.at); ok {
				e.at = at
			}
			if after := e.run(); after != nil {
				c.later = append(c.later, after)
			}
		}
	}
}

func (e *episode) run() func() {
	var ok bool
	if e.cast, ok = e.company.cast(e.needs); !ok {
		return nil
	}
	if e.when.to > 0 {
		e.move(e.when.from, e.when.to)
	}
	if e.when.staff {
		if e.person = e.anybody(); e.person == nil {
			return nil
		}
	}
	return e.happen(e)
}

// move puts the episode at a time between two local hours of its day.
func (e *episode) move(from, to float64) {
	d, _ := e.calendar.local(e.at)
	e.at = e.calendar.clock(d, e.between(from, to))
}

// noted lists the episode in the truth, that much longer than its length.
func (e *episode) noted(longer time.Duration, hosts ...*host) {
	e.company.note(e.kind, window{e.at, e.at + longer + e.length}, e.change.note, hosts...)
}

// anybody is an administrator, or else any person; nil if there is none.
func (t traffic) anybody() *person {
	for _, list := range [][]*person{t.staff(adminDesk), t.staff(developerDesk), t.people} {
		if len(list) > 0 {
			return pick(t, list)
		}
	}
	return nil
}

// grown picks one of the servers of kinds that come and go; nil if there is
// none.
func (e *episode) grown() *host {
	list := e.where(func(h *host) bool {
		switch h.kind {
		case webServer, application, worker, staging, compute, cache, search, loadBalancer:
			return h.life.from < 0 && h.life.to > e.calendar.end && len(e.byKind[h.kind]) > 2
		}
		return false
	})
	if len(list) == 0 {
		return nil
	}
	return pick(e, list)
}

// freshAddress is one near the host's that is not assigned.
func (c *company) freshAddress(h *host) netip.Addr {
	taken := map[netip.Addr]bool{}
	for _, other := range c.hosts {
		for _, s := range other.spells {
			taken[s.address] = true
		}
	}
	a := h.spells[0].address.As4()
	for a[3] = 230; taken[netip.AddrFrom4(a)]; a[3]++ {
		if a[3] == 254 {
			a[2], a[3] = a[2]+1, 210
		}
	}
	return netip.AddrFrom4(a)
}
