/**
 * What the kubelet says to a CSI driver of ephemeral volumes. Source: container-storage-interface `csi.proto` 1.9,
 * kubelet `pluginregistration/v1/api.proto`.
 */
import { bytes, type Encoded, flag, message, readFields, text } from './protobuf.ts';

/** The answer without members, which most calls get. */
export const nothing: Encoded = message(() => {});

/** A volume that a pod wants, with what the kubelet says of the pod. */
export interface PublishRequest {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly context: ReadonlyMap<string, string>;
}

/** Reads a NodePublishVolumeRequest. */
export function readPublishRequest(encoded: Uint8Array): PublishRequest {
  const request = { volumeId: '', targetPath: '', context: new Map<string, string>() };
  readFields(encoded, {
    1: (reader) => {
      request.volumeId = reader.string();
    },
    4: (reader) => {
      request.targetPath = reader.string();
    },
    8: (reader) => {
      const entry = ['', ''];
      readFields(reader.bytes(), {
        1: (inner) => {
          entry[0] = inner.string();
        },
        2: (inner) => {
          entry[1] = inner.string();
        },
      });
      request.context.set(entry[0] ?? '', entry[1] ?? '');
    },
  });
  return request;
}

/** Writes a NodePublishVolumeRequest, as the kubelet does. */
export function writePublishRequest({ volumeId, targetPath, context }: PublishRequest): Encoded {
  return message((writer) => {
    text(writer, 1, volumeId);
    text(writer, 4, targetPath);
    for (const [key, value] of context) {
      const entry = message((inner) => {
        text(inner, 1, key);
        text(inner, 2, value);
      });
      bytes(writer, 8, entry);
    }
  });
}

/** A volume that a pod no longer needs. */
export interface UnpublishRequest {
  readonly volumeId: string;
  readonly targetPath: string;
}

/** Reads a NodeUnpublishVolumeRequest. */
export function readUnpublishRequest(encoded: Uint8Array): UnpublishRequest {
  const request = { volumeId: '', targetPath: '' };
  readFields(encoded, {
    1: (reader) => {
      request.volumeId = reader.string();
    },
    2: (reader) => {
      request.targetPath = reader.string();
    },
  });
  return request;
}

/** Writes a NodeUnpublishVolumeRequest, as the kubelet does. */
export function writeUnpublishRequest({ volumeId, targetPath }: UnpublishRequest): Encoded {
  return message((writer) => {
    text(writer, 1, volumeId);
    text(writer, 2, targetPath);
  });
}

/** A GetPluginInfoResponse: name and version of the driver. */
export function pluginInfo(name: string, version: string): Encoded {
  return message((writer) => {
    text(writer, 1, name);
    text(writer, 2, version);
  });
}

/** A NodeGetInfoResponse. */
export function nodeInfo(nodeId: string): Encoded {
  return message((writer) => text(writer, 1, nodeId));
}

/** A ProbeResponse that says ready; the flag stands in a message of its own. */
export const ready: Encoded = message((writer) => {
  bytes(
    writer,
    1,
    message((inner) => flag(inner, 1, true)),
  );
});

/** A PluginInfo of the kubelet's registration: a CSI driver, where it listens on the node, and what it speaks. */
export function registration(name: string, endpoint: string): Encoded {
  return message((writer) => {
    text(writer, 1, 'CSIPlugin');
    text(writer, 2, name);
    text(writer, 3, endpoint);
    text(writer, 4, '1.0.0');
  });
}

/** Reads a RegistrationStatus: why the kubelet refused, or null when it registered the driver. */
export function readRegistrationStatus(encoded: Uint8Array): string | null {
  const status = { registered: false, error: '' };
  readFields(encoded, {
    1: (reader) => {
      status.registered = reader.bool();
    },
    2: (reader) => {
      status.error = reader.string();
    },
  });
  return status.registered ? null : status.error;
}
