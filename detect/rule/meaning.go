package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Meaning is a digest of what makes a rule match: another text when its
// conditions, its exceptions, its thresholds or how long it waits are others. What is
// not its own, lists and macros, is ignored.
func (r *Rule) Meaning() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d\n", r.When, r.For)
	for _, t := range r.Thresholds {
		fmt.Fprintf(h, "%q %q\n", t.Name, t.Value)
	}
	for _, e := range r.Unless {
		fmt.Fprintf(h, "%q\n", e.When)
	}
	if r.Sequence != nil {
		for _, s := range r.Sequence.Steps {
			fmt.Fprintf(h, "%q\n", s.When)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
