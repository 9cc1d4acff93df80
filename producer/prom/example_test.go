package prom_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/prom"
)

// All streams of a client are shown, those too that are opened later.
func Example() {
	client := &producer.Client{} // finds the server as the AWS tools do
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(prom.Options{Streams: client.Streams()}))
	// http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		fmt.Println(f.GetName(), f.GetMetric()[0].GetGauge().GetValue())
	}
	// Output:
	// millrace_producer_streams 0
	// millrace_producer_streams_left_out 0
}
