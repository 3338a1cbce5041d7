// Servers and mutations for checks that need a process of their own: scripts/wires says who calls it.
import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())
do {
  switch (arguments.first, arguments.count) {
  case ("echo", 1): try EchoServer().run()
  case ("openpi", 1): try OpenPIServer().run()
  case ("vla-eval", 1): try VLAEvalServer().run()
  case ("metrics", 1): print(sampleMetrics(), terminator: "")
  case ("mutate", 3):
    guard let count = Int(arguments[1]), let seed = UInt64(arguments[2]) else { usage() }
    try mutate(count: count, seed: seed)
  default: usage()
  }
} catch {
  FileHandle.standardError.write(Data("wire-driver: \(error)\n".utf8))
  exit(1)
}

func usage() -> Never {
  FileHandle.standardError.write(
    Data("usage: wire-driver echo | openpi | vla-eval | metrics | mutate COUNT SEED\n".utf8))
  exit(64)
}
