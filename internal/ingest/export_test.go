package ingest

// Remembered is how many fragments of streams of zero retention are remembered.
func Remembered(m *Sessions) int {
	m.repeats.mu.Lock()
	defer m.repeats.mu.Unlock()
	return len(m.repeats.fleeting.numbers)
}

// Claimed is how many identities and edges somebody holds.
func Claimed(m *Sessions) int {
	m.repeats.mu.Lock()
	defer m.repeats.mu.Unlock()
	return len(m.repeats.claims) + len(m.repeats.edges)
}
