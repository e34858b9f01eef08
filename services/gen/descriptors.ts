// Code generated from services/proto by protoc-gen-descriptors.ts. Do not edit.

/** The methods of `trading.execution.v1.ExecutionService` as data. */
export const ExecutionService = {
  typeName: "trading.execution.v1.ExecutionService",
  methods: {
    submitTrade: {"service":"trading.execution.v1.ExecutionService","name":"SubmitTrade","path":"/trading.execution.v1.ExecutionService/SubmitTrade","http":{"method":"POST","path":"/trades"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    cancelTrade: {"service":"trading.execution.v1.ExecutionService","name":"CancelTrade","path":"/trading.execution.v1.ExecutionService/CancelTrade","http":{"method":"POST","path":"/trades/cancellations"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    streamExecutionReports: {"service":"trading.execution.v1.ExecutionService","name":"StreamExecutionReports","path":"/trading.execution.v1.ExecutionService/StreamExecutionReports","http":null,"requestStream":false,"responseStream":true,"idempotency":"noSideEffects"},
    defineInstrument: {"service":"trading.execution.v1.ExecutionService","name":"DefineInstrument","path":"/trading.execution.v1.ExecutionService/DefineInstrument","http":{"method":"POST","path":"/operations/instruments"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    setTradingHalt: {"service":"trading.execution.v1.ExecutionService","name":"SetTradingHalt","path":"/trading.execution.v1.ExecutionService/SetTradingHalt","http":{"method":"POST","path":"/operations/halts"},"requestStream":false,"responseStream":false,"idempotency":"none"},
  },
} as const;

/** The methods of `trading.marketdata.v1.MarketDataService` as data. */
export const MarketDataService = {
  typeName: "trading.marketdata.v1.MarketDataService",
  methods: {
    publish: {"service":"trading.marketdata.v1.MarketDataService","name":"Publish","path":"/trading.marketdata.v1.MarketDataService/Publish","http":{"method":"POST","path":"/quotes"},"requestStream":false,"responseStream":false,"idempotency":"idempotent"},
    getQuote: {"service":"trading.marketdata.v1.MarketDataService","name":"GetQuote","path":"/trading.marketdata.v1.MarketDataService/GetQuote","http":{"method":"GET","path":"/quotes/{symbol}"},"requestStream":false,"responseStream":false,"idempotency":"noSideEffects"},
    streamQuotes: {"service":"trading.marketdata.v1.MarketDataService","name":"StreamQuotes","path":"/trading.marketdata.v1.MarketDataService/StreamQuotes","http":{"method":"GET","path":"/quotes/{symbol}/events"},"requestStream":false,"responseStream":true,"idempotency":"noSideEffects"},
  },
} as const;

/** The methods of `trading.order.v1.OrderService` as data. */
export const OrderService = {
  typeName: "trading.order.v1.OrderService",
  methods: {
    placeOrder: {"service":"trading.order.v1.OrderService","name":"PlaceOrder","path":"/trading.order.v1.OrderService/PlaceOrder","http":{"method":"POST","path":"/orders"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    cancelOrder: {"service":"trading.order.v1.OrderService","name":"CancelOrder","path":"/trading.order.v1.OrderService/CancelOrder","http":{"method":"DELETE","path":"/orders/{client_order_id}"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    getOrder: {"service":"trading.order.v1.OrderService","name":"GetOrder","path":"/trading.order.v1.OrderService/GetOrder","http":{"method":"GET","path":"/orders/{client_order_id}"},"requestStream":false,"responseStream":false,"idempotency":"noSideEffects"},
  },
} as const;

/** The methods of `trading.portfolio.v1.PortfolioService` as data. */
export const PortfolioService = {
  typeName: "trading.portfolio.v1.PortfolioService",
  methods: {
    settleTrade: {"service":"trading.portfolio.v1.PortfolioService","name":"SettleTrade","path":"/trading.portfolio.v1.PortfolioService/SettleTrade","http":{"method":"POST","path":"/settlements"},"requestStream":false,"responseStream":false,"idempotency":"idempotent"},
    getPositions: {"service":"trading.portfolio.v1.PortfolioService","name":"GetPositions","path":"/trading.portfolio.v1.PortfolioService/GetPositions","http":{"method":"GET","path":"/positions"},"requestStream":false,"responseStream":false,"idempotency":"noSideEffects"},
    getLimitsBasis: {"service":"trading.portfolio.v1.PortfolioService","name":"GetLimitsBasis","path":"/trading.portfolio.v1.PortfolioService/GetLimitsBasis","http":null,"requestStream":false,"responseStream":false,"idempotency":"noSideEffects"},
    deposit: {"service":"trading.portfolio.v1.PortfolioService","name":"Deposit","path":"/trading.portfolio.v1.PortfolioService/Deposit","http":{"method":"POST","path":"/operations/deposits"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    getTrialBalance: {"service":"trading.portfolio.v1.PortfolioService","name":"GetTrialBalance","path":"/trading.portfolio.v1.PortfolioService/GetTrialBalance","http":{"method":"POST","path":"/operations/trial-balance"},"requestStream":false,"responseStream":false,"idempotency":"noSideEffects"},
  },
} as const;

/** The methods of `trading.risk.v1.RiskService` as data. */
export const RiskService = {
  typeName: "trading.risk.v1.RiskService",
  methods: {
    reserve: {"service":"trading.risk.v1.RiskService","name":"Reserve","path":"/trading.risk.v1.RiskService/Reserve","http":{"method":"POST","path":"/reservations"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    adjustReservation: {"service":"trading.risk.v1.RiskService","name":"AdjustReservation","path":"/trading.risk.v1.RiskService/AdjustReservation","http":{"method":"POST","path":"/reservations/adjustments"},"requestStream":false,"responseStream":false,"idempotency":"idempotent"},
    setKillSwitch: {"service":"trading.risk.v1.RiskService","name":"SetKillSwitch","path":"/trading.risk.v1.RiskService/SetKillSwitch","http":{"method":"POST","path":"/operations/kill-switch"},"requestStream":false,"responseStream":false,"idempotency":"none"},
    setInstrumentLimits: {"service":"trading.risk.v1.RiskService","name":"SetInstrumentLimits","path":"/trading.risk.v1.RiskService/SetInstrumentLimits","http":{"method":"POST","path":"/operations/limits"},"requestStream":false,"responseStream":false,"idempotency":"none"},
  },
} as const;
