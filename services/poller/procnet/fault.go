package procnet

import (
	"errors"
	"fmt"
)

// ErrCut is a row that ends too early, as the last one does when the table
// was not read or copied to its end.
var ErrCut = errors.New("row is cut off")

// fault is the reason why a line is not a row. It becomes an error only on
// demand, so that a hostile table can't make the parser allocate.
type fault struct {
	column column // columnCount: all are good
	text   []byte // what is in the column
	cut    bool   // the row ends in the column, or before it where text is empty
}

func (f fault) none() bool { return f.column == columnCount && !f.cut }

func (f fault) err() error {
	const most = 32
	text := f.text[:min(len(f.text), most)]
	switch {
	case !f.cut:
		c := columns[f.column]
		return fmt.Errorf("column %s: %q is not %s", c.name, text, c.want)
	case f.column == columnCount:
		return fmt.Errorf("%w after column %s", ErrCut, columns[columnReferences].name)
	case len(text) == 0:
		return fmt.Errorf("%w before column %s", ErrCut, columns[f.column].name)
	default:
		return fmt.Errorf("%w in column %s: %q", ErrCut, columns[f.column].name, text)
	}
}
