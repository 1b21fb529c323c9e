package simulate

import "time"

func weeklyJobs(t traffic, cast [][]*host) {
	t.repeat(1, 5, func() {
		a, b := pick(t, cast[0]), pick(t, cast[1])
		weekday, hour, length := time.Weekday(t.IntN(7)), t.between(0, 24), t.around(20*minutes, 1.2)
		port := b.service()
		if t.chance(0.35) && b.listens(22) {
			port = 22
		}
		t.daily(hour, 4*minutes, func(d int, at time.Duration) {
			if t.calendar.weekday(d) != weekday {
				return
			}
			if at > t.calendar.learn && at < t.calendar.learn+7*day {
				t.note("weekly-job", window{at, at + 2*length}, "a weekly job runs, for the first time since the log began", a, b)
			}
			t.call(at, edge{a, b, port}, talk{length, 0.3, "o", 900e3, 1.5, 90e6, 1.5})
		})
	})
}

func codeOverSSH(t traffic, _ [][]*host) {
	codes := t.of(codeServer)
	forge := newCrowd(t.random, 3).regulars
	period := t.span(20*minutes, 20*hours)
	for _, h := range t.of(webServer, application, worker, staging, configManager) {
		if t.chance(0.3) {
			continue
		}
		t.every(period, func(at time.Duration) {
			s := talk{2 * seconds, 0.7, "o", 4e3, 0.5, 9e3, 1.5}.draw(t.random)
			if len(codes) > 0 {
				t.call(at+t.span(0, 20*seconds), edge{h, codes[0], 22}, s)
			} else {
				t.leave(at+t.span(0, 20*seconds), outbound{h, pick(t, forge), 22}, s)
			}
		})
	}
}

// synchronizeFiles keeps the files of servers of one kind the same.
func synchronizeFiles(t traffic, _ [][]*host) {
	for _, k := range []kind{webServer, application, fileServer} {
		set := t.of(k)
		if len(set) < 2 || set[0].windows {
			continue
		}
		t.every(t.span(10*minutes, 3*hours), func(at time.Duration) {
			for _, h := range set[1:] {
				if h.listens(22) {
					t.call(at+t.span(0, 30*seconds), edge{set[0], h, 22}, talk{4 * seconds, 1, "o", 300e3, 1.5, 9e3, 1})
				}
			}
		})
	}
}

func filesFromPartners(t traffic, cast [][]*host) {
	h := pick(t, cast[0])
	if h.windows {
		return
	}
	t.repeat(1, 4, func() {
		from, hour := outsider(t.random), t.between(0, 24)
		t.daily(hour, 4*minutes, func(_ int, at time.Duration) {
			t.repeat(1, 3, func() {
				t.enter(at, inbound{from, h, 22}, talk{40 * seconds, 1.2, "o", 9e6, 1.5, 90e3, 1})
				at += t.span(10*seconds, 30*minutes)
			})
		})
	})
}

func filesToPartners(t traffic, cast [][]*host) {
	t.repeat(1, 3, func() {
		h, to, hour, port := pick(t, cast[0]), outsider(t.random), t.between(0, 24), t.port(22, 22, 443, 990, 2222)
		t.daily(hour, 4*minutes, func(_ int, at time.Duration) { t.leave(at, outbound{h, to, port}, copying(90e6)) })
	})
}

func standingTunnels(t traffic, _ [][]*host) {
	t.repeat(1, 3, func() {
		if two := some(t, t.of(linux), 2); len(two) == 2 {
			t.persistent(edge{two[0], two[1], 22}, keep{life: t.around(20*hours, 1), up: 200, down: 200})
		}
	})
	if t.chance(0.3) { // and one outwards
		h, to := pick(t, t.of(linux)), outsider(t.random)
		for at := t.wait(5 * hours); at < t.calendar.end; {
			s := keep{up: 300, down: 300}.lasting(t.around(15*hours, 0.9)).draw(t.random)
			t.leave(at, outbound{h, to, 22}, s)
			at += s.lasts + t.span(5*seconds, time.Minute)
		}
	}
}

func dumps(t traffic, cast [][]*host) {
	for _, db := range t.of(database) {
		b, hour, port := pick(t, cast[0]), t.between(0, 6), uint16(22)
		if !b.listens(22) {
			port = 445
		}
		t.daily(hour, 4*minutes, func(_ int, at time.Duration) { t.call(at, edge{db, b, port}, copying(2e9)) })
	}
}

func mountedShares(t traffic, cast [][]*host) {
	for _, h := range t.of(webServer, application, worker, compute, windowsServer, terminalServer) {
		if t.chance(0.5) {
			t.persistent(edge{h, pick(t, cast[0]), 445}, keep{life: 30 * hours, up: 100, down: 900})
		}
	}
}

func storage(t traffic, cast [][]*host) {
	for _, h := range t.of(hypervisor, database) {
		if t.chance(0.5) {
			t.persistent(edge{h, cast[0][0], t.port(2049, 3260)}, keep{life: 70 * hours, up: 90e3, down: 90e3})
		}
	}
}

// collectLogs is a job that logs in to many servers, every day.
func collectLogs(t traffic, cast [][]*host) {
	h, hour := pick(t, cast[0]), t.between(0, 24)
	set := some(t, t.of(linux), t.count(4, 20))
	t.daily(hour, 4*minutes, func(_ int, at time.Duration) {
		for _, to := range set {
			t.call(at, edge{h, to, 22}, talk{9 * seconds, 1, "o", 9e3, 0.5, 20e6, 1.5})
			at += t.wait(8 * seconds)
		}
	})
}
