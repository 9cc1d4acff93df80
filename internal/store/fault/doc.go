// Package fault decorates the storage seams so that they fail when a test says
// so. A decorator passes every call through, unchanged, unless the test's own
// function answers with an error for it: then the call fails with that error
// and what stands behind it never hears of it. It invents no failures and keeps
// no state.
package fault
