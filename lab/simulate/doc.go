// Package simulate makes up companies to measure detection with: their hosts,
// ten days or so of their network traffic, and intruders in some of it. It
// writes what a network sensor would have written (Zeek's conn.log as JSON
// lines), the inventory that [headstart replay] takes, and the truth.
//
// A company is a function of its [Options]: the same seed gives the same
// bytes. Seeds differ in what the company does (a shop, an office, a software
// house, a computing centre), in which tiers it has, in names, roles,
// addresses, working hours and time zone, in how its administrators work, in
// what breaks and in what changes. Most of what it does at odd hours or for the
// first time is harmless; the truth lists that too, so that a false alarm can
// be explained.
//
// The package knows nothing of how headstart detects anything, and must not:
// it is an adversary.
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
//	                1: working hours, usual services, few failures
//	                2: only edges (source, destination, port) that the company
//	                   uses anyway
//	  entry         how it got in: ssh-password, ssh-key, web-application,
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
//	                      goal: what the intruder came for
//	                      c2: commands from outside, or between its own hosts
//	                      exfil: data on its way out
//	    success           it did what the intruder wanted: a scanned port
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
