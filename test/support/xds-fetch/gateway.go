package main

import (
	"encoding/json"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	routeType   = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
)

type gateway struct {
	Listeners []json.RawMessage `json:"listeners"`
	Routes    []json.RawMessage `json:"routes"`
	Clusters  []string          `json:"clusters"`
}

// fetchGateway asks for the listeners of a gateway, the route configurations that they name, and all clusters.
func fetchGateway(client discoveryv3.AggregatedDiscoveryServiceClient, asked request) (*gateway, error) {
	from, end, err := discover(client, asked)
	if err != nil {
		return nil, err
	}
	defer end()
	found := &gateway{Listeners: []json.RawMessage{}, Routes: []json.RawMessage{}, Clusters: []string{}}
	if err := each(from, clusterType, nil, func(cluster *clusterv3.Cluster) error {
		found.Clusters = append(found.Clusters, cluster.Name)
		return nil
	}); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	if err := each(from, listenerType, nil, func(listener *listenerv3.Listener) error {
		for _, name := range routeNames(listener) {
			names[name] = true
		}
		return print(listener, &found.Listeners)
	}); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return found, nil
	}
	wanted := []string{}
	for name := range names {
		wanted = append(wanted, name)
	}
	return found, each(from, routeType, wanted, func(routes *routev3.RouteConfiguration) error {
		return print(routes, &found.Routes)
	})
}

func print(message proto.Message, into *[]json.RawMessage) error {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	*into = append(*into, text)
	return err
}

func routeNames(listener *listenerv3.Listener) []string {
	names := []string{}
	for _, chain := range listener.FilterChains {
		for _, filter := range chain.Filters {
			manager := &hcmv3.HttpConnectionManager{}
			if filter.GetTypedConfig().UnmarshalTo(manager) != nil {
				continue
			}
			if rds := manager.GetRds(); rds != nil {
				names = append(names, rds.RouteConfigName)
			}
		}
	}
	return names
}
