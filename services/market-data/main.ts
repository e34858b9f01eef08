import { MarketDataServiceService } from '../gen/trading/marketdata/v1/market_data.ts';
import { runService } from '../runtime/index.ts';
import { marketDataHandlers } from './handlers.ts';
import { marketData } from './service.ts';

await runService(marketData, async () => [[MarketDataServiceService, marketDataHandlers()]]);
