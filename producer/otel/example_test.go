package otel_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/otel"
)

// All streams of a client are shown, those too that are opened later. A program
// has another reader, which sends to a collector from time to time.
func Example() {
	client := &producer.Client{} // finds the server as the AWS tools do
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	registration, err := otel.Register(provider, otel.Options{Streams: client.Streams()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registration.Unregister()

	var data metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &data); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range data.ScopeMetrics[0].Metrics {
		fmt.Println(m.Name, m.Data.(metricdata.Sum[float64]).DataPoints[0].Value)
	}
	// Output:
	// millrace.producer.streams 0
	// millrace.producer.streams.left_out 0
}
