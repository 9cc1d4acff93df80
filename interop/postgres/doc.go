// Package postgres holds no code; its tests run the SQL store of package
// consumer/checkpoint against a real PostgreSQL server, through pgx.
//
// The server is Debian's. The tests make a cluster in a temporary directory and
// start it on a free port, as the user postgres if they run as root, because
// PostgreSQL refuses that. Its collation is not that of bytes, which the store has
// to stand. It is a module of its own so that the driver stays out of the product's
// go.mod; the tests stand behind the build tag interop.
package postgres
