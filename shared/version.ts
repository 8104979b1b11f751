/** The product version that every program prints; `test/rooms.test.ts` holds it to package.json. */
export const VERSION = '0.1.0';
