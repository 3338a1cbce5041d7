import Dispatch
import Foundation
import MessagePack
import OpenPI
import VLAEval
import WebServer

/// What the driver's servers have in common: a free port, printed as the first line; events until standard input ends.
protocol DrivenServer: AnyObject {
  var service: WebService { get }
  func opened(_ connection: WebConnection, _ request: WebRequest, _ server: WebServer) throws
  func received(_ message: WebMessage, _ connection: WebConnection, _ server: WebServer) throws
}

extension DrivenServer {
  var service: WebService { WebService(routes: ["/healthz": { _ in WebResponse("OK\n") }]) }
  func opened(_ connection: WebConnection, _ request: WebRequest, _ server: WebServer) throws {}

  func run() throws {
    let loop = WebLoop(), news = DispatchSemaphore(value: 0)
    let server = try WebServer(at: WebAddress("127.0.0.1:*"), service, wake: { news.signal() }, on: loop)
    FileHandle.standardOutput.write(Data("\(server.address)\n".utf8))
    let input = Thread {
      while readLine() != nil {}
      server.shutDown(within: .seconds(1))
      exit(0)
    }
    input.start()
    while true {
      news.wait()
      while let event = server.next() {
        switch event {
        case .opened(let connection, let request): try opened(connection, request, server)
        case .message(let connection, let message, _): try received(message, connection, server)
        case .closed: break
        }
      }
    }
  }
}

/// Sends back what comes; `wait` makes it sleep a second first, as a policy that computes.
final class EchoServer: DrivenServer {
  func received(_ message: WebMessage, _ connection: WebConnection, _ server: WebServer) throws {
    if message == .text("wait") { Thread.sleep(forTimeInterval: 1) }
    server.send(message, to: connection)
  }
}

/// Answers every observation with a chunk of two actions of four numbers: the state's sum, the prompt's length, the first picture's first
/// byte and the number of pictures; then the same plus one.
final class OpenPIServer: DrivenServer {
  private let codec = OpenPICodec(keys: OpenPIKeys(camerasNamed: ["front", "wrist"]))

  var service: WebService {
    WebService(
      routes: ["/healthz": { _ in WebResponse("OK\n") }],
      refuseSocket: { request in
        request.header("Authorization") == "Api-Key wrong" ? WebResponse(status: 401, "unknown key\n") : nil
      })
  }

  func opened(_ connection: WebConnection, _ request: WebRequest, _ server: WebServer) throws {
    let key = request.header("Authorization") ?? ""
    server.send(.binary(try codec.metadata(["name": .text("wire-driver"), "key": .text(key)])), to: connection)
  }

  func received(_ message: WebMessage, _ connection: WebConnection, _ server: WebServer) throws {
    guard case .binary(let bytes) = message else {
      return server.close(connection, code: 1003, reason: "expected bytes")
    }
    do throws(OpenPIError) {
      let observation = try codec.observation(bytes)
      let action = answer(
        observation.state, observation.prompt ?? "", observation.pictures.map(\.image))
      let reply = OpenPIReply(
        actions: action + action.map { $0 + 1 }, horizon: 2, dimensions: 4, serverTiming: ["infer_ms": 2],
        policyTiming: ["infer_ms": 1], extras: ["valid_for_ms": 80])
      server.send(.binary(try codec.reply(reply)), to: connection)
    } catch {
      server.send(.text(error.description), to: connection)
    }
  }
}

/// Answers like ``OpenPIServer``, one action at a time.
final class VLAEvalServer: DrivenServer {
  private let codec = VLACodec(keys: VLAKeys(camerasNamed: ["front", "wrist"]))

  func received(_ message: WebMessage, _ connection: WebConnection, _ server: WebServer) throws {
    guard case .binary(let bytes) = message else {
      return server.close(connection, code: 1003, reason: "expected bytes")
    }
    let now = Date().timeIntervalSince1970
    do throws(VLAError) {
      let frame = try codec.frame(bytes)
      switch frame.body {
      case .hello:
        let position = VLASpecification(name: "position", dimensions: 3, format: "delta_xyz", range: -1...1)
        let hello = VLAServer(
          name: "wire-driver", action: [.init("position", position)],
          observation: [.init("state", VLASpecification(name: "state", dimensions: 3, format: "eef_pos3"))],
          observationOptions: ["send_state": true])
        server.send(.binary(try codec.hello(hello, answering: frame.sequence, at: now)), to: connection)
      case .observation(let observation):
        let values = answer(observation.state, observation.instruction ?? "", observation.pictures.map(\.image))
        let action = VLAAction(values, shape: [4])
        server.send(.binary(try codec.action(action, answering: frame.sequence, at: now)), to: connection)
      case .episodeStart, .episodeEnd, .error: break
      }
    } catch {
      guard let text = try? codec.error(error.description, answering: error.sequence, at: now) else { return }
      server.send(.binary(text), to: connection)
    }
  }
}

private func answer(_ state: [Double], _ words: String, _ images: [WireImage]) -> [Float] {
  let first: Float =
    switch images.first {
    case .pixels(_, _, let bytes): Float(bytes.first ?? 0)
    case .jpeg: -1
    case .png: -2
    case nil: -3
    }
  return [Float(state.reduce(0, +)), Float(words.utf8.count), first, Float(images.count)]
}
