import AccessKeys
import ArgumentParser
import OpenPI
import RobotInterface
import RobotLink
import VLAEval
import WebServer
import WebWires
import ZeroMQTransport

/// Where `serve` listens, and for whom: our own wire, another's, or whoever looks after the daemon.
struct ListenAddress {
  /// Who comes in there.
  enum Wire {
    /// Robots and people who ask, over ZeroMQ.
    case zeromq
    case openpi(keys: OpenPIKeys?, clock: RobotClock, chunks: ChunkExecution)
    case vlaEval(keys: VLAKeys?)
    /// `/metrics`, `/healthz`, `/readyz`.
    case http
  }

  let text: String
  /// Where it was said.
  let option: String
  let wire: Wire
  let endpoint: Endpoint

  /// Reads the value of an option.
  ///
  /// - Parameters:
  ///   - option: named where the value is wrong.
  ///   - naming: what a file says of the wire.
  /// - Throws: `ValidationError`.
  init(_ text: String, option: String, naming: ListenFile.Naming = .init()) throws {
    self.text = text
    self.option = option
    let scheme = text.firstRange(of: "://").map { String(text[..<$0.lowerBound]) } ?? ""
    switch scheme {
    case "openpi": wire = .openpi(keys: naming.openpi, clock: naming.clock, chunks: naming.chunks)
    case "vla-eval": wire = .vlaEval(keys: naming.vlaEval)
    case "http": wire = .http
    case "tcp", "ipc", "":
      wire = .zeromq
      endpoint = try Endpoint(text, for: .listen, option: option)
      return
    default:
      throw ValidationError(
        "\(option): \(scheme):// is not spoken here; expected tcp://HOST:PORT, ipc://PATH, openpi://HOST:PORT, "
          + "vla-eval://HOST:PORT or http://HOST:PORT")
    }
    do throws(RobotError) {
      endpoint = try Endpoint("tcp" + text.dropFirst(scheme.count), for: .listen)
    } catch {
      throw ValidationError("\(option): \(error.message.replacing("tcp://", with: scheme + "://"))")
    }
  }

  /// The value of `--bind`: an address of our own wire.
  ///
  /// - Throws: `ValidationError`.
  init(bound text: String) throws {
    (self.text, option, wire) = (text, "--bind", .zeromq)
    endpoint = try Endpoint(text, for: .listen, option: "--bind")
  }

  /// Whether it is our own wire, the only one that carries tokens.
  var isOwnWire: Bool { if case .zeromq = wire { true } else { false } }

  /// Whether a robot or somebody who asks can come in there.
  var servesRobots: Bool { if case .http = wire { false } else { true } }

  /// The listener of a daemon.
  ///
  /// - Parameters:
  ///   - insecure: whether other machines may connect although nobody is authenticated.
  ///   - keys: who may connect; `nil`: anybody.
  ///   - wires: the thread of what is not ZeroMQ.
  ///   - routes: of an http address.
  func listener(
    insecure: Bool, keys: KeyRing?, _ wires: WebWires, _ routes: [String: @Sendable (WebRequest) -> WebResponse]
  ) -> ListenerMaker {
    switch wire {
    case .zeromq:
      var socket = RouterSocket.Options()
      socket.allowsOtherMachines = insecure
      socket.keys = keys
      return ZeroMQListener.at(endpoint, options: socket)
    case .openpi(let keys, let clock, let chunks):
      return wires.openPI(at: endpoint, keys: keys, clock: clock, chunks: chunks)
    case .vlaEval(let keys): return wires.vlaEval(at: endpoint, keys: keys)
    case .http: return wires.http(at: endpoint, routes: routes, open: ["/healthz", "/readyz"])
    }
  }
}
