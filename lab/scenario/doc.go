// Package scenario is a small company over some ordinary days, and the reference
// incident of headstart's design on the last of them: the connections that a
// network sensor would have seen, and the attacker's steps.
//
// The company runs a shop: a load balancer, two web servers, an application
// and its database, a file server, a domain controller, monitoring, backup and
// a jump host, and an office whose desks have no pollers. From Monday to
// Thursday it does what such companies do. On Thursday, 5 June 2025, at
// 14:30:00 the attacker logs in to web-01 with a stolen password.
//
// It guarantees:
//   - A scenario is a function of its seed. Seeds differ in when the company does
//     what and for how long; the hosts and the incident are the same, to the
//     second.
//   - The days are those of the published incident: 12 to 15 connections
//     between load balancer and web server, two to three database sessions a
//     minute of 0.1 to 2.0 s, one persistent connection to monitoring, four to
//     six outbound HTTPS.
//
// Unlike package simulate it is not for measuring: it is one company, and a tidy
// one. Its traffic and its incident are tables in Go: the notation of rule tests
// has fixed lengths and distances, no pools and no text for people.
package scenario
