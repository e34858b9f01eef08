// Command xds-fetch asks a discovery server for the inbound listener of workloads, as their sidecars would, and for the
// listeners and routes of gateways.
//
// Usage: xds-fetch ADDRESS. Standard input has one JSON object a line, {"id", "node", "metadata"}; standard output
// has one a line, in any order: {"id", "listener"} with the listener `virtualInbound` as JSON, or {"id", "error"}. With
// "gateway": true it is {"id", "gateway": {"listeners", "routes", "clusters"}}, of clusters the names.
// Each line is one new stream, whose first answer is taken. The program ends with its input.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
)

const listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"

type request struct {
	ID       string          `json:"id"`
	Node     string          `json:"node"`
	Metadata json.RawMessage `json:"metadata"`
	Gateway  bool            `json:"gateway"`
}

type answer struct {
	ID       string          `json:"id"`
	Listener json.RawMessage `json:"listener,omitempty"`
	Gateway  *gateway        `json:"gateway,omitempty"`
	Error    string          `json:"error,omitempty"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: xds-fetch ADDRESS")
		os.Exit(1)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "xds-fetch:", err)
		os.Exit(1)
	}
}

func serve(address string) error {
	unlimited := grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1 << 30))
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), unlimited)
	if err != nil {
		return err
	}
	defer connection.Close()
	client := discoveryv3.NewAggregatedDiscoveryServiceClient(connection)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	var output sync.Mutex
	var running sync.WaitGroup
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		running.Go(func() {
			said := answer{ID: asked.ID}
			var err error
			if asked.Gateway {
				said.Gateway, err = fetchGateway(client, asked)
			} else {
				said.Listener, err = fetch(client, asked)
			}
			if err != nil {
				said.Error = err.Error()
			}
			output.Lock()
			defer output.Unlock()
			_ = json.NewEncoder(os.Stdout).Encode(said)
		})
	}
	running.Wait()
	return lines.Err()
}

func fetch(client discoveryv3.AggregatedDiscoveryServiceClient, asked request) ([]byte, error) {
	from, end, err := discover(client, asked)
	if err != nil {
		return nil, err
	}
	defer end()
	var found *listenerv3.Listener
	if err := each(from, listenerType, nil, func(listener *listenerv3.Listener) error {
		if listener.Name == "virtualInbound" && found == nil {
			found = listener
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errors.New("the answer has no listener `virtualInbound`")
	}
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(found)
}
