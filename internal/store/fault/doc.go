// Package fault decorates the storage seams so that they fail when a test says
// so. A call for which a test wants a failure fails with the test's error; all
// others pass through. It invents no failures: the same calls fail in the same
// place.
//
// Control asks a function of the test before each call; a call that it fails
// never reaches what stands behind. FS counts calls and fails the k-th of some
// kind, once or from then on, as Linux fails them: a write that fails has
// written a part, and after a sync that failed later syncs of that file succeed
// without making anything durable, so that a caller that retries a sync is
// found out. Pages does the same for the index; it shares the counts of an FS if
// it is made by it.
package fault
