package main

import (
	"context"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

type discovery struct {
	stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient
	node   *corev3.Node
}

// discover opens a stream for the node that is asked for; whoever opens it ends it.
func discover(client discoveryv3.AggregatedDiscoveryServiceClient, asked request) (discovery, context.CancelFunc, error) {
	metadata := &structpb.Struct{}
	if err := protojson.Unmarshal(asked.Metadata, metadata); err != nil {
		return discovery{}, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	stream, err := client.StreamAggregatedResources(ctx)
	if err != nil {
		cancel()
		return discovery{}, nil, err
	}
	return discovery{stream, &corev3.Node{Id: asked.Node, Metadata: metadata}}, cancel, nil
}

// each asks for one kind of resource and hands on what comes first.
func each[T any, P interface {
	*T
	proto.Message
}](from discovery, kind string, names []string, take func(P) error) error {
	ask := &discoveryv3.DiscoveryRequest{Node: from.node, TypeUrl: kind, ResourceNames: names}
	if err := from.stream.Send(ask); err != nil {
		return err
	}
	for {
		response, err := from.stream.Recv()
		if err != nil {
			return err
		}
		if response.TypeUrl != kind {
			continue
		}
		for _, resource := range response.Resources {
			message := P(new(T))
			if err := resource.UnmarshalTo(message); err != nil {
				return err
			}
			if err := take(message); err != nil {
				return err
			}
		}
		return nil
	}
}
