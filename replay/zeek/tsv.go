package zeek

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// header is the format declared by the lines that begin with #.
type header struct {
	separator    byte
	unset, empty []byte
	columns      []field // none for an unused column; nil before #fields
}

// maxColumns is above the number of columns of any log.
const maxColumns = 1000

func newHeader() header {
	return header{separator: '\t', unset: []byte("-"), empty: []byte("(empty)")}
}

// errNoFields is a line of values without a #fields line before it.
var errNoFields = errors.New("no JSON object, and no #fields line says what the columns are")

// notConn is a file of another log of Zeek.
type notConn struct{ path string }

func (e *notConn) Error() string {
	return fmt.Sprintf("this is Zeek's %.64s log, by its #path; want the conn log", e.path)
}

// take reads a line that begins with #. It skips unknown ones.
func (h *header) take(line []byte) error {
	if text, ok := bytes.CutPrefix(line, []byte("#separator ")); ok {
		b := bytes.TrimSpace(text)
		if code, ok := bytes.CutPrefix(b, []byte(`\x`)); ok {
			var err error
			if b, err = hex.AppendDecode(nil, code); err != nil {
				b = nil
			}
		}
		if len(b) != 1 || b[0] == '\n' {
			return fmt.Errorf("#separator %.64q: want one character, such as \\x09", text)
		}
		h.separator = b[0]
		return nil
	}
	name, rest, _ := bytes.Cut(line, []byte{h.separator})
	switch string(name) {
	case "#unset_field":
		h.unset = slices.Clone(rest)
	case "#empty_field":
		h.empty = slices.Clone(rest)
	case "#path":
		if string(rest) != "conn" {
			return &notConn{string(rest)}
		}
	case "#fields":
		return h.takeFields(rest)
	}
	return nil
}

func (h *header) takeFields(rest []byte) error {
	h.columns = h.columns[:0]
	var there [fieldCount]bool
	for name := range bytes.SplitSeq(rest, []byte{h.separator}) {
		f := fieldOf(name)
		if f != none {
			there[f] = true
		}
		if h.columns = append(h.columns, f); len(h.columns) > maxColumns {
			return fmt.Errorf("#fields: more than %d columns", maxColumns)
		}
	}
	for f := ts; f <= proto; f++ {
		if f != uid && !there[f] {
			return fmt.Errorf("#fields: %s is missing", fieldNames[f])
		}
	}
	return nil
}

// scanTSV finds the fields of a line of values.
func (v *values) scanTSV(line []byte, h *header) error {
	*v = values{}
	if h.columns == nil {
		return errNoFields
	}
	for n, f := range h.columns {
		value, rest, more := bytes.Cut(line, []byte{h.separator})
		if f != none && len(value) > 0 && !bytes.Equal(value, h.unset) && !bytes.Equal(value, h.empty) {
			v[f] = value
		}
		switch line = rest; {
		case !more && n < len(h.columns)-1:
			return fmt.Errorf("%d columns, but #fields names %d", n+1, len(h.columns))
		case more && n == len(h.columns)-1:
			return fmt.Errorf("more columns than the %d of #fields", len(h.columns))
		}
	}
	return nil
}
