import WebServer

/// The page: three files without a build, and nothing from anywhere else.
enum ConsolePage {
  /// Where its websocket is.
  static let socketPath = "/live"

  /// What a browser may do with the page: run its own script and speak to its own server; nobody may put it into a frame, where a click could
  /// be meant for something else.
  private static let headers = [
    WebRequest.Header(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    WebRequest.Header("X-Frame-Options", "DENY"), WebRequest.Header("Referrer-Policy", "no-referrer"),
    WebRequest.Header("Cross-Origin-Resource-Policy", "same-origin"),
    WebRequest.Header("Cross-Origin-Opener-Policy", "same-origin"),
  ]

  static func service(_ options: WebConsole.Options) -> WebService {
    func file(_ bytes: [UInt8], _ kind: String) -> @Sendable (WebRequest) -> WebResponse {
      var response = WebResponse("", contentType: "\(kind); charset=utf-8", headers: headers)
      response.body = bytes
      return { [response] request in options.refuse(request) ?? response }
    }
    return WebService(
      routes: [
        "/": file(PackageResources.console_html, "text/html"),
        "/console.js": file(PackageResources.console_js, "text/javascript"),
        "/console.css": file(PackageResources.console_css, "text/css"),
        "/healthz": { _ in WebResponse("OK\n") },
      ], socketPath: socketPath, isOwnPage: true, refuseSocket: options.refuse)
  }
}
