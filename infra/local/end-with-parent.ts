/**
 * Loaded before every program of the mesh (`node --import`): the launcher holds the other end of standard input, so a
 * launcher that is gone, however it went, ends its programs as SIGTERM would.
 */
process.stdin.on('error', () => {});
process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
// Watching must not keep a program alive that has ended by itself.
(process.stdin as { unref?: () => void }).unref?.();
