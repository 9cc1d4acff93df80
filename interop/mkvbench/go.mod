module github.com/millrace/millrace/interop/mkvbench

go 1.26.0

require (
	github.com/at-wat/ebml-go v0.19.4
	github.com/millrace/millrace v0.0.0
)

replace github.com/millrace/millrace => ../..
