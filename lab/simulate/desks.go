package simulate

import "time"

// runDesks is what each desk's machine does on each day.
func (c *company) runDesks() {
	t := c.traffic("desks")
	files, mails, printers, programs := t.of(fileServer), t.of(mailServer), t.of(printer), t.of(windowsServer)
	for _, p := range c.people {
		d := desk{traffic: t, person: p, share: some(t, files, t.count(1, 2)), mailbox: some(t, mails, 1), printer: some(t, printers, 1)}
		d.programs = some(t, programs, t.count(0, 2))
		for _, w := range p.shifts {
			d.work(w)
		}
	}
	t.windowsServers()
}

// desk is a person's machine, and the servers it uses.
type desk struct {
	traffic
	*person
	share, mailbox, printer, programs []*host
}

// work is what it does in one shift.
func (d *desk) work(w window) {
	h := d.person.desk
	// sometimes calls do at random moments, that often on average.
	sometimes := func(mean float64, do func(at time.Duration)) {
		for range d.poisson(mean) {
			do(w.moment(d.random))
		}
	}
	if h.windows {
		d.logon(w.from, h)
		for at := w.from + d.wait(time.Hour); at < w.to; at += d.wait(75*minutes) + time.Minute {
			d.ticket(at, h)
		}
	}
	if h.kind != developerDesk || h.windows {
		for _, f := range d.share {
			for at := w.from + d.span(0, 40*minutes); at < w.to; {
				s := talk{min(d.around(25*minutes, 1.3), w.to-at), 0, "ooOr", 90e3, 1.7, 700e3, 2}.draw(d.random)
				d.call(at, edge{h, f, 445}, s)
				at += s.lasts + d.wait(50*minutes)
			}
		}
	}
	for _, m := range d.mailbox {
		d.persistent(edge{h, m, d.port(443, 993)}, keep{2 * hours, 60, 600, w})
	}
	if len(d.printer) > 0 {
		sometimes(1.5, d.print)
	}
	for _, program := range d.programs {
		sometimes(3, func(at time.Duration) {
			d.call(at, edge{h, program, 445}, talk{4 * minutes, 1.2, "o", 40e3, 1, 300e3, 1})
		})
	}
	if terminals := d.of(terminalServer); len(terminals) > 0 && h.kind == officeDesk && d.chance(0.4) {
		d.call(w.from+d.span(0, time.Hour), edge{h, pick(d, terminals), 3389}, talk{3 * hours, 0.6, "o", 3e6, 1, 90e6, 1})
	}
	if codes := d.of(codeServer); len(codes) > 0 && h.kind == developerDesk {
		sometimes(9, func(at time.Duration) {
			d.call(at, edge{h, codes[0], d.port(22, 443)}, talk{2 * seconds, 0.9, "o", 6e3, 1.4, 40e3, 2})
		})
	}
	if webs := d.of(webServer, loadBalancer); len(webs) > 0 {
		sometimes(3, func(at time.Duration) {
			d.call(at, edge{h, pick(d, webs), 443}, talk{20 * seconds, 1, "r", 3e3, 1, 90e3, 1})
		})
	}
}

// print goes through a print server, if the machine is a Windows one.
func (d *desk) print(at time.Duration) {
	servers, paper := d.of(printServer), talk{15 * seconds, 1, "o", 400e3, 1.5, 90, 0}
	if len(servers) == 0 || !d.person.desk.windows {
		d.call(at, edge{d.person.desk, d.printer[0], d.port(9100, 631)}, paper)
		return
	}
	d.call(at, edge{d.person.desk, servers[0], 445}, talk{20 * seconds, 1, "o", 400e3, 1.5, 9000, 0})
	d.call(at+4*seconds, edge{servers[0], d.printer[0], 9100}, paper)
}

// kerberos is a request for a ticket.
var kerberos = talk{8 * ms, 0.5, "o", 1700, 0, 1600, 0}

// logon is how a Windows machine joins its domain in the morning.
func (t traffic) logon(at time.Duration, h *host) {
	dcs := t.of(domainController)
	if len(dcs) == 0 {
		return
	}
	dc := pick(t, dcs)
	t.repeat(2, 4, func() { t.call(at+t.span(0, 5*seconds), edge{h, dc, 88}, kerberos) })
	t.repeat(1, 3, func() {
		t.call(at+t.span(0, 20*seconds), edge{h, dc, 389}, talk{3 * seconds, 1.4, "o", 4e3, 0.7, 9e3, 0.8})
	})
	t.call(at+t.span(0, 10*seconds), edge{h, dc, 135}, talk{9 * seconds, 0.8, "o", 500, 0, 600, 0})
	t.call(at+t.span(0, 10*seconds), edge{h, dc, dc.dynamic()}, talk{40 * seconds, 1, "o", 5e3, 0.7, 4e3, 0.8})
	t.call(at+t.span(2*seconds, 30*seconds), edge{h, dc, 445}, talk{25 * seconds, 1, "oO", 9e3, 0.7, 30e3, 0.8})
}

// ticket is one of the requests that follow through the day.
func (t traffic) ticket(at time.Duration, h *host) {
	dcs := t.of(domainController)
	if len(dcs) == 0 {
		return
	}
	dc := pick(t, dcs)
	t.call(at, edge{h, dc, 88}, kerberos)
	if t.chance(0.5) {
		begin := at + t.span(0, time.Second)
		t.call(begin, edge{h, dc, t.port(389, 445, 135, 3268, dc.dynamic())}, talk{8 * seconds, 1.4, "o", 4e3, 0.7, 9e3, 0.8})
	}
}

// windowsServers call the domain controllers all day, and those each other.
func (t traffic) windowsServers() {
	for _, h := range t.of(windows) {
		if !h.kind.desk() && h.kind != domainController {
			t.apart(20*minutes, 50*minutes, time.Minute, func(at time.Duration) { t.ticket(at, h) })
		}
	}
	dcs := t.of(domainController)
	for _, a := range dcs {
		for _, b := range dcs {
			if a == b {
				continue
			}
			t.apart(20*minutes, 40*minutes, 5*minutes, func(at time.Duration) {
				t.call(at, edge{a, b, 135}, talk{9 * seconds, 0.8, "o", 500, 0, 600, 0})
				t.call(at+t.span(0, time.Second), edge{a, b, b.dynamic()}, talk{6 * minutes, 0.8, "o", 20e3, 1, 20e3, 1})
				t.call(at+t.span(0, time.Second), edge{a, b, t.port(389, 445, 88)}, talk{40 * seconds, 0.8, "o", 9e3, 1, 9e3, 1})
			})
		}
	}
}

// roam gives people at home the address of a VPN client for the day.
func (c *company) roam() {
	t, n := c.traffic("roam"), 0
	gateways := c.of(vpnGateway)
	for _, p := range c.people {
		home, office := outsider(t.random), p.desk.spells[0].address
		for _, w := range p.shifts {
			if len(gateways) == 0 || !t.chance(c.ways.remoteWork) || p.desk.kind == officeDesk && !p.desk.windows {
				continue
			}
			n++
			p.desk.spells = append(p.desk.spells,
				spell{from: w.from - 10*minutes, address: c.lease(10 + (n*7+t.IntN(5))%240)},
				spell{from: w.to + 10*minutes, address: office, known: true})
			lasts := w.to - w.from + t.span(0, 10*minutes)
			t.enter(w.from-5*minutes, inbound{home, gateways[0], 443}, talk{lasts, 0, "o", 40e6, 1, 300e6, 1})
			if t.chance(0.1) {
				home = outsider(t.random) // another line, or a train
			}
		}
	}
}
