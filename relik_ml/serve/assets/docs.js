"use strict";
// Swagger UI takes JSON Lines for JSON, and would put an example of several lines into quotes.
const lines = {
  afterLoad() {
    const sample = this.fn.getSampleSchema;
    this.fn.getSampleSchema = (schema, type, config, example) =>
      type?.includes("ndjson") && typeof example === "string" ? example : sample(schema, type, config, example);
  },
};

// Without a validator: the page asks nobody but this service.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  plugins: [lines],
  tryItOutEnabled: true,
  validatorUrl: null,
});
