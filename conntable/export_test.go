package conntable

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }
