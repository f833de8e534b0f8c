import { SqliteMetadataStore } from './sqlite-metadata-store.ts';
import { metadataStoreContract } from './testing/metadata-store-contract.ts';

metadataStoreContract('records in the embedded database', () => SqliteMetadataStore.open(':memory:'));
