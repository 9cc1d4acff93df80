// Package storetest holds the conformance suites of the storage seams: what
// every implementation must pass, whatever it stands on. A suite is an exported
// function that a test of the implementation calls with a way to open it. The
// suites check the promises that the seams' comments make, in the words of
// those comments, and nothing that they leave open.
package storetest
