package firing

// Len returns the number of remembered connections.
func (h *Host) Len() int { return len(h.entries) }
