// Package retention forgets what is due.
//
// A Keeper makes a pass now and then: it holds streams to the capacities that
// the operator gave them, and then has the store give back the bytes of all
// that is gone by the control state. It promises to take nothing away that is
// younger than its retention unless a capacity says so, and to report what a
// capacity cost (I6); what it decides is durable in the control state before a
// byte is touched, so that an index that is built again gives the same answers.
// It refuses to decide what readers see: what is due is invisible to them at
// once, pass or no pass. The disk's own fullness is the store's to watch.
package retention
