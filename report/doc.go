// Package report formats one incident: for a terminal, as Markdown for a ticket,
// as a single HTML file, and as JSON. It is pure.
//
//	r := report.New(incident, report.Options{Zone: time.Local})
//	text := r.Text(term.Page{Columns: 80})
//	err := r.HTML(file)
//
// All formats have the same content in the same order: title, severity and times;
// the reasons of the score; the hosts and their parts; the path; the timeline;
// the hosts that the attacker can reach next; the response; the alerts by rule;
// and the number of omitted entries.
//
// It guarantees:
//   - The document has the same structure for every incident. Names, titles and
//     texts come from hosts that the attacker may control: in no format can they
//     move the cursor, become markup, links, images or scripts, load anything, or
//     end the list, table or command block around them.
//   - The HTML needs no other file and no network, and its policy forbids both.
//   - The same incident gives the same bytes.
package report
