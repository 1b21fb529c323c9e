// Package simulate generates synthetic companies to measure detection with:
// their hosts, ten days or so of their network traffic, and attackers in some of
// it. It writes the log of a network sensor (Zeek's conn.log as JSON lines), the
// inventory for [headstart replay], and the truth.
//
// A company is a function of its [Options]: the same seed gives the same
// bytes. Seeds differ in what the company does (a shop, an office, a software
// house, a computing center), in which tiers it has, in names, roles,
// addresses, working hours and time zone, in how its administrators work, in
// what breaks and in what changes. Most of what happens at odd hours or for the
// first time is harmless; the truth lists that too, so that a false alarm can
// be explained. testdata/golden.txt pins the bytes.
//
// The package knows nothing of how headstart detects anything, and must not:
// it is an adversary.
//
// # How it works
//
// A company has hosts of some tiers (tier.go) and people at desks (people.go).
// Tables list what they do: operations of every company, routines of some,
// flows of services for their users, and changes. A [traffic] writes the
// connections of one of them, and draws on a source of randomness that follows
// from its name. A connection is an edge (who, to whom, on which port) and a
// talk: the distribution of its length, ending and bytes. After all of that come
// the attackers, who need to know what is normal.
//
// # Truth
//
// truth.json is one object:
//
//	seed            the company's seed
//	start, end      the first and the last moment of the log (RFC 3339, UTC)
//	learn_until     no intrusion begins before it
//	intrusions      a list, by start:
//	  id            "i1", "i2", …
//	  kind          exploratory, aggressive, targeted, slow or reference
//	  stealth       0: noisy, any hour, edges that the company doesn't have
//	                1: working hours, common services, few failures
//	                2: only edges (source, destination, port) that the company
//	                   uses anyway
//	  entry         how they got in: ssh-password, ssh-key, web-application,
//	                phishing, supply-chain, vpn, remote-desktop or insider
//	  start, end    of its connections
//	  connections   a list, by time; each is a row of conn.log with the same
//	                addresses, ports and time:
//	    at, source, destination, port, source_port
//	    until             when it ended (its end in conn.log)
//	    state, history    Zeek's
//	    kind              entry: from outside, onto the first host
//	                      scan: looks for hosts, services and passwords
//	                      move: onto the next host
//	                      goal: what the attacker came for
//	                      c2: commands from outside, or between its own hosts
//	                      exfil: data on its way out
//	    success           it did what the attacker wanted: a scanned port
//	                      answered, a password was right, data was read
//	    lateral           both ends are inside
//	    monitored_source, monitored_destination
//	                      that end has a poller
//	benign          a list, by start: what changed or was odd and harmless
//	  kind          new-server, outage, on-call-login, …
//	  start, end
//	  hosts         names, as in the inventory
//	  note          what happened
package simulate
