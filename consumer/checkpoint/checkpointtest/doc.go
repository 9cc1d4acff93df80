// Package checkpointtest holds the suite that every checkpoint.Store must pass.
// A test of an implementation calls Run with a way to make an empty storage and
// clients of it. The suite checks what checkpoint.Store says, in the words of its
// comments, and nothing that they leave open; it uses the store's own clock, and
// so waits for some leases to expire, for a few milliseconds each.
package checkpointtest
